package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	recordWord = "quorate-record/1"
	// maxEntry is the longest entry that an entry bundle of C2SP tlog-tiles can
	// hold. A leaf that does not fit stands beside, under its digest.
	maxEntry = 1<<16 - 1
	// maxLeaf is more than a leaf can have: etcd takes 1.5 MiB in one transaction.
	maxLeaf = 2 << 20
)

// A Record is a leaf in its final form: the revision at which the store created
// it, the version of its schema, and the bytes that were written, unchanged. Its
// data is what the tree is made of.
type Record struct {
	Revision int64
	Schema   int
	Value    []byte // the leaf's JSON; nil if it stands beside and was not read
	// Digest is the SHA-256 of the leaf, in hex, and Length its bytes, if the
	// record is too long to hold the leaf itself; otherwise "" and 0.
	Digest string
	Length int
}

// newRecord makes the record of a leaf as it was written.
func newRecord(revision int64, schema int, value []byte) Record {
	r := Record{Revision: revision, Schema: schema, Value: value}
	if len(r.head())+len(value) > maxEntry {
		sum := sha256.Sum256(value)
		r.Digest, r.Length = hex.EncodeToString(sum[:]), len(value)
	}
	return r
}

func (r Record) head() string {
	if r.Digest != "" {
		return fmt.Sprintf("%s %d %d sha256:%s %d\n", recordWord, r.Revision, r.Schema, r.Digest, r.Length)
	}
	return fmt.Sprintf("%s %d %d\n", recordWord, r.Revision, r.Schema)
}

// Data is the entry of the tree: a line of words, then the leaf, if it fits.
func (r Record) Data() []byte {
	data := []byte(r.head())
	if r.Digest == "" {
		data = append(data, r.Value...)
	}
	return data
}

// Hash is the entry's hash in the tree (RFC 6962: SHA-256 of 0x00 and the data).
func (r Record) Hash() tlog.Hash { return tlog.RecordHash(r.Data()) }

// Leaf reads the leaf. A record that stands beside must have been joined first.
func (r Record) Leaf() (Leaf, error) {
	if r.Value == nil {
		return Leaf{}, fmt.Errorf("the leaf of %d bytes stands beside, as %s", r.Length, r.Digest)
	}
	var l Leaf
	err := json.Unmarshal(r.Value, &l)
	return l, err
}

// join gives a record the leaf that stands beside it, if it is that leaf.
func (r Record) join(value []byte) (Record, error) {
	sum := sha256.Sum256(value)
	if len(value) != r.Length || hex.EncodeToString(sum[:]) != r.Digest {
		return r, fmt.Errorf("the leaf beside it does not have the digest %s", r.Digest)
	}
	r.Value = value
	return r, nil
}

// parseRecord is the inverse of Data. It takes nothing but what Data makes.
func parseRecord(data []byte) (Record, error) {
	line, value, ok := bytes.Cut(data, []byte{'\n'})
	if !ok || len(line) > 256 || len(data) > maxEntry {
		return Record{}, fmt.Errorf("it does not begin with a line %q", recordWord+" REVISION SCHEMA")
	}
	words := strings.Split(string(line), " ")
	var r Record
	if len(words) == 5 && len(value) == 0 {
		r.Digest = strings.TrimPrefix(words[3], "sha256:")
		r.Length, _ = strconv.Atoi(words[4]) // head below finds what is no number
	} else if len(value) > 0 {
		r.Value = value
	}
	if len(words) >= 3 {
		r.Revision, _ = strconv.ParseInt(words[1], 10, 64)
		r.Schema, _ = strconv.Atoi(words[2])
	}
	switch {
	case r.head() != string(line)+"\n" || r.Revision < 1 || r.Schema < 1:
		return Record{}, fmt.Errorf("its first line %.80q is not what one of its kind is", line)
	case r.Digest != "" && (len(r.Digest) != 2*sha256.Size || r.Length < 1 || r.Length > maxLeaf):
		return Record{}, fmt.Errorf("its first line names no digest and length: %.80q", line)
	case r.Digest == "" && r.Value == nil:
		return Record{}, fmt.Errorf("it holds no leaf")
	}
	return r, nil
}

// appendEntry adds an entry to a bundle, as C2SP tlog-tiles has it.
func appendEntry(bundle, data []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(data)))
	return append(bundle, data...)
}

// parseBundle reads the entries of a bundle.
func parseBundle(bundle []byte) ([]Record, error) {
	var records []Record
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, fmt.Errorf("the bundle breaks off in its entry %d", len(records))
		}
		n := int(binary.BigEndian.Uint16(bundle))
		r, err := parseRecord(bundle[2 : 2+n])
		if err != nil {
			return nil, fmt.Errorf("entry %d of the bundle: %w", len(records), err)
		}
		records = append(records, r)
		bundle = bundle[2+n:]
	}
	return records, nil
}
