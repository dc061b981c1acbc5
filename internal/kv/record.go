package kv

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/fault"
)

// Root is the prefix of everything Quorate keeps; the number is the layout's
// version and changes only if the meaning of the keys does.
const Root = "/quorate/1/"

// A Collection is a family of records of one Go type under one prefix. Schema
// is the version of the JSON it writes; it reads that one and older ones that T
// still understands, and refuses newer ones rather than lose what they say.
type Collection[T any] struct {
	name   string
	schema int
}

// NewCollection names a collection, e.g. NewCollection[Region]("regions", 1).
func NewCollection[T any](name string, schema int) Collection[T] {
	return Collection[T]{name: name, schema: schema}
}

// Key addresses one record by its parts, e.g. enablements.Key("co", "video_visit").
func (c Collection[T]) Key(parts ...string) Key[T] {
	return Key[T]{path: c.name + "/" + strings.Join(parts, "/"), schema: c.schema, err: checkParts(parts)}
}

// Prefix is the path below which the collection's records stand, relative to
// Root, narrowed by leading parts; it ends with a slash.
func (c Collection[T]) Prefix(parts ...string) string {
	return strings.Join(append([]string{c.name}, parts...), "/") + "/"
}

// Split returns the parts of a path of this collection, e.g. ["co",
// "video_visit"], and whether the path belongs to it.
func (c Collection[T]) Split(path string) (parts []string, ok bool) {
	rest, ok := strings.CutPrefix(path, c.name+"/")
	if !ok || rest == "" {
		return nil, false
	}
	return strings.Split(rest, "/"), true
}

// Decode reads a stored value of this collection that stands at path.
func (c Collection[T]) Decode(path string, stored []byte) (T, error) {
	return decode[T](path, c.schema, stored)
}

// A Key is the typed address of one record. Its zero value is not usable.
type Key[T any] struct {
	path   string
	schema int
	err    error
}

// Path is the key relative to Root.
func (k Key[T]) Path() string { return k.path }

func checkParts(parts []string) error {
	if len(parts) == 0 {
		return errors.New("a key needs at least one part")
	}
	for _, p := range parts {
		if p == "" || strings.Contains(p, "/") || len(p) > 256 {
			return fmt.Errorf("key part %q is empty, holds a slash or is longer than 256 bytes", p)
		}
	}
	return nil
}

// A Record is a value with the revisions of the store at which it was created
// and last written. A Revision of 0 means that it does not exist.
type Record[T any] struct {
	Value    T
	Created  int64
	Revision int64
}

// Exists reports whether the record is in the store.
func (r Record[T]) Exists() bool { return r.Revision > 0 }

// envelope is what stands in etcd. etcd does not notice a flipped bit in its
// database file and serves it as if true, so every value carries a checksum
// over its own path and bytes.
type envelope struct {
	Schema int             `json:"schema"`
	Sum    string          `json:"sum"`
	Value  json.RawMessage `json:"value"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(path string, value []byte) string {
	sum := crc32.Update(0, castagnoli, []byte(path))
	sum = crc32.Update(sum, castagnoli, []byte{'\n'})
	sum = crc32.Update(sum, castagnoli, value)
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], sum)
	return hex.EncodeToString(raw[:])
}

func encode(path string, schema int, value any) ([]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", path, err)
	}
	return json.Marshal(envelope{Schema: schema, Sum: checksum(path, raw), Value: raw})
}

// open takes a value out of its envelope. encode always writes the same members
// in the same order, so they are found without parsing the whole, which is half
// the cost of a cold load; anything else is parsed.
func open(stored []byte) (e envelope, err error) {
	rest, ok := bytes.CutPrefix(stored, []byte(`{"schema":`))
	schema, rest, ok2 := bytes.Cut(rest, []byte(`,"sum":"`))
	sum, value, ok3 := bytes.Cut(rest, []byte(`","value":`))
	n, numErr := strconv.Atoi(string(schema))
	if ok && ok2 && ok3 && numErr == nil && len(sum) == 8 && bytes.HasSuffix(value, []byte{'}'}) {
		return envelope{Schema: n, Sum: string(sum), Value: value[:len(value)-1]}, nil
	}
	return e, json.Unmarshal(stored, &e)
}

func decode[T any](path string, schema int, stored []byte) (value T, err error) {
	e, err := open(stored)
	if err != nil {
		return value, damaged(path, err)
	}
	if e.Sum != checksum(path, e.Value) {
		return value, damaged(path, fmt.Errorf("checksum is %s, stored %s", checksum(path, e.Value), e.Sum))
	}
	if e.Schema > schema {
		return value, fault.New(fault.Internal, "newer_schema",
			"the record %s was written by a newer version of Quorate (schema %d, this one reads up to %d)", path, e.Schema, schema).
			Do("run the newer version")
	}
	if err := json.Unmarshal(e.Value, &value); err != nil {
		return value, damaged(path, err)
	}
	return value, nil
}

func damaged(path string, cause error) error {
	return fault.New(fault.Internal, "damaged_record", "the record %s is damaged and is not used", path).
		Do("restore it from a backup").Because(cause)
}

// plain returns the value inside a stored envelope, unchecked, for the record of
// what a change replaced.
func plain(stored []byte) json.RawMessage {
	if len(stored) == 0 {
		return nil
	}
	e, err := open(stored)
	if err != nil {
		return nil
	}
	return e.Value
}
