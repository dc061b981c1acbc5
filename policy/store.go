package policy

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
)

// The collections of policy. The pointer is one record, policy/active; a bundle is
// immutable parts under its revision, policy/bundles/DIGEST/N, of which part 0 says
// what it is. Their JSON is kept by golden files.
var (
	pointers = kv.NewCollection[Active]("policy", 1)
	parts    = kv.NewCollection[Part]("policy/bundles", 1)
	waivers  = kv.NewCollection[GrantedWaiver]("waivers", 1)
	proofs   = kv.NewCollection[Proof]("evidence", 1)
	opinions = kv.NewCollection[GivenOpinion]("opinions", 1)
	halts    = kv.NewCollection[Halt]("halts", 1)
)

// active is the pointer's key.
var active = pointers.Key("active")

// enablementsPrefix is where the regions' answers stand, which an activation holds
// still. They are the flags' own; policy knows no more of them than this.
const enablementsPrefix = "enablements/"

// An Act is who did something, when and why, as the record of the change says it.
type Act struct {
	Change string    `json:"change"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

func actOf(c gate.Change) Act {
	return Act{Change: c.ID, By: c.Actor.Name, At: c.At, Reason: c.Reason}
}

// Active says which bundles hold.
type Active struct {
	Law     *Activation            `json:"law,omitempty"`
	Group   *Activation            `json:"group,omitempty"`
	Regions map[string]*Activation `json:"regions,omitempty"`
}

// An Activation is one layer as it was activated.
type Activation struct {
	Digest          string `json:"digest"`
	AsLastConfirmed Day    `json:"as_last_confirmed"`
	Previous        string `json:"previous,omitempty"` // the digest it took the place of
	Act             Act    `json:"activated"`
}

// of is the activation of a layer, nil if there is none.
func (a *Active) of(l Layer, region string) *Activation {
	switch l {
	case Law:
		return a.Law
	case Group:
		return a.Group
	}
	return a.Regions[region]
}

// with is the pointer with one layer in the place of another.
func (a Active) with(l Layer, region string, next *Activation) Active {
	switch l {
	case Law:
		a.Law = next
	case Group:
		a.Group = next
	default:
		regions := map[string]*Activation{}
		if next != nil {
			regions[region] = next
		}
		for key, other := range a.Regions {
			if key != region {
				regions[key] = other
			}
		}
		a.Regions = regions
	}
	return a
}

// stack is the digests of what is active, the law first; nil without a law.
func (a *Active) stack() []string {
	if a.Law == nil {
		return nil
	}
	digests := []string{a.Law.Digest}
	if a.Group != nil {
		digests = append(digests, a.Group.Digest)
	}
	for _, region := range sortedKeys(a.Regions) {
		digests = append(digests, a.Regions[region].Digest)
	}
	return digests
}

// partSize is how many bytes of an archive one record holds; as text a third more.
const partSize = 256 << 10

// A Part is one record of a bundle. Part 0 holds what it is, the others its bytes.
type Part struct {
	Pushed *Pushed `json:"pushed,omitempty"`
	Data   []byte  `json:"data,omitempty"`
}

// Pushed is a bundle as it was pushed: what it says of itself, and what the check
// of it found.
type Pushed struct {
	Digest   string   `json:"digest"`
	Manifest Manifest `json:"manifest"`
	Rules    int      `json:"rules"`
	Tests    int      `json:"tests"`
	Cases    int      `json:"cases"`
	SignedBy string   `json:"signed_by"` // the name of the trusted key
	Size     int      `json:"size"`      // bytes of the archive
	Parts    int      `json:"parts"`
	Act      Act      `json:"act"`
}

// putBundle writes a bundle in parts. One that stands already is left as it is.
func putBundle(tx *kv.Tx, p Pushed, archive []byte) (Pushed, error) {
	p.Size, p.Parts = len(archive), 0
	var list [][]byte
	for rest := archive; len(rest) > 0; rest = rest[min(partSize, len(rest)):] {
		list = append(list, rest[:min(partSize, len(rest))])
	}
	p.Parts = len(list)
	found, err := kv.Get(tx, parts.Key(p.Digest, "0"))
	if err != nil {
		return p, err
	}
	if found.Exists() && found.Value.Pushed != nil {
		return *found.Value.Pushed, nil
	}
	if err := kv.Put(tx, parts.Key(p.Digest, "0"), Part{Pushed: &p}); err != nil {
		return p, err
	}
	for i, data := range list {
		if err := kv.Put(tx, parts.Key(p.Digest, strconv.Itoa(i+1)), Part{Data: data}); err != nil {
			return p, err
		}
	}
	return p, nil
}

func getPushed(tx *kv.Tx, digest string) (Pushed, error) {
	if !wellFormedDigest(digest) {
		return Pushed{}, unknownBundle(digest)
	}
	rec, err := kv.Get(tx, parts.Key(digest, "0"))
	if err == nil && (!rec.Exists() || rec.Value.Pushed == nil) {
		err = unknownBundle(digest)
	}
	if err != nil {
		return Pushed{}, err
	}
	return *rec.Value.Pushed, nil
}

// getArchive reads a bundle back.
func getArchive(tx *kv.Tx, digest string) ([]byte, error) {
	p, err := getPushed(tx, digest)
	if err != nil {
		return nil, err
	}
	var whole bytes.Buffer
	for i := range p.Parts {
		rec, err := kv.Get(tx, parts.Key(digest, strconv.Itoa(i+1)))
		if err != nil {
			return nil, err
		}
		whole.Write(rec.Value.Data)
	}
	if whole.Len() != p.Size {
		return nil, incomplete(digest)
	}
	return whole.Bytes(), nil
}

func incomplete(digest string) error {
	return fault.New(fault.Internal, "bundle_incomplete", "parts of the bundle %.12s are missing in the store", digest).
		Do("push it again, or restore the store from a backup")
}

func unknownBundle(digest string) error {
	return fault.New(fault.NotFound, "unknown_bundle", "there is no bundle %.80q", digest).
		Do("list them with `quorate policy show --all`, or push it").At("digest")
}

func wellFormedDigest(digest string) bool {
	if len(digest) != 64 {
		return false
	}
	for _, c := range digest {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// A Proof is evidence on file.
type Proof struct {
	ID string `json:"id"`
	Evidence
	Service string `json:"service,omitempty"` // of performs:KIND, whose word it is
	Note    string `json:"note,omitempty"`
	Added   Act    `json:"added"`
	Revoked *Act   `json:"revoked,omitempty"`
}

// A GrantedWaiver is a waiver on file.
type GrantedWaiver struct {
	Waiver
	Granted Act  `json:"granted"`
	Revoked *Act `json:"revoked,omitempty"`
}

// A GivenOpinion is counsel's answer to the question of a rule, or of a relaxation
// within it.
type GivenOpinion struct {
	RuleID     string  `json:"rule_id"`
	Relaxation string  `json:"relaxation,omitempty"`
	RuleDigest string  `json:"rule_digest"` // of the record it was given on
	Opinion    Opinion `json:"opinion"`
	Act        Act     `json:"given"`
}

// key is where an opinion stands.
func (o GivenOpinion) key() string {
	if o.Relaxation != "" {
		return o.RuleID + "." + o.Relaxation
	}
	return o.RuleID
}

// listed are the sound records of a collection, in the order of their paths.
func listed[T any](tx *kv.Tx, c kv.Collection[T]) ([]Stored[T], error) {
	sound, _, err := kv.ListSound(tx, c)
	if err != nil {
		return nil, err
	}
	list := make([]Stored[T], 0, len(sound))
	for _, e := range sound {
		list = append(list, Stored[T]{Revision: e.Revision, Value: e.Value})
	}
	return list, nil
}

// Stored is a record with the revision at which it was last written.
type Stored[T any] struct {
	Revision int64 `json:"revision" doc:"Revision of the store at which this was last written."`
	Value    T     `json:"value"`
}

// one reads a record, or says that it is unknown.
func one[T any](tx *kv.Tx, key kv.Key[T], unknown error) (kv.Record[T], error) {
	rec, err := kv.Get(tx, key)
	if err == nil && !rec.Exists() {
		err = unknown
	}
	return rec, err
}

func partOf(path string) (digest string, n int, err error) {
	names, ok := parts.Split(path)
	if !ok || len(names) != 2 {
		return "", 0, fmt.Errorf("%s is no part of a bundle", path)
	}
	n, err = strconv.Atoi(names[1])
	return names[0], n, err
}
