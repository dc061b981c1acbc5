package governance

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// The collections of this slice. Their JSON is kept by golden files: a field may be
// added, but its meaning never changes within a schema version.
var (
	bodies   = kv.NewCollection[Body]("bodies", 1)
	seats    = kv.NewCollection[Seat]("seats", 1) // BODY/SEAT
	cycles   = kv.NewCollection[Cycle]("cycles", 1)
	cases    = kv.NewCollection[Case]("cases", 1)
	motions  = kv.NewCollection[Motion]("motions", 1)
	papers   = kv.NewCollection[Paper]("papers", 1)      // MOTION/SITTING
	ballots  = kv.NewCollection[Ballot]("ballots", 1)    // MOTION/SEAT
	casters  = kv.NewCollection[Caster]("casters", 1)    // MOTION-SITTING/PERSON
	versions = kv.NewCollection[Case]("caseversions", 1) // CASE/VERSION
	needs    = kv.NewCollection[Need]("needs", 1)
	orders   = kv.NewCollection[Order]("needorders", 1) // CYCLE/REGION
	remarks  = kv.NewCollection[Remark]("comments", 1)  // CASE/REMARK
	notes    = kv.NewCollection[Note]("notes", 1)       // CAPABILITY/NOTE
	concerns = kv.NewCollection[Concern]("concerns", 1)
	reviews  = kv.NewCollection[Review]("reviews", 1) // CASE
	counts   = kv.NewCollection[Count]("counts", 1)   // MOTION/SITTING
	seals    = kv.NewCollection[Seal]("seals", 1)     // one: which seal key the store's ballots are for
)

func getBody(tx *kv.Tx, key string) (kv.Record[Body], error) {
	return find(tx, bodies, unknownBody(key), key)
}

// find reads a record that must be there.
func find[T any](tx *kv.Tx, c kv.Collection[T], unknown error, key string) (kv.Record[T], error) {
	if !keyWord.MatchString(key) {
		return kv.Record[T]{}, unknown
	}
	rec, err := kv.Get(tx, c.Key(key))
	if err == nil && !rec.Exists() {
		err = unknown
	}
	return rec, err
}

func getMotion(tx *kv.Tx, id string) (kv.Record[Motion], error) {
	return find(tx, motions, unknownMotion(id), id)
}

// getHouse reads a body and who sits in it.
func getHouse(tx *kv.Tx, key string) (House, error) {
	b, err := getBody(tx, key)
	if err != nil {
		return House{}, err
	}
	h := House{Body: b.Value, Seats: map[string]Seat{}}
	recs, err := kv.List(tx, seats, key)
	for _, r := range recs {
		h.Seats[r.Value.Key] = r.Value
	}
	return h, err
}

func sitting(n int) string { return fmt.Sprintf("%d", n) }

func getPaper(tx *kv.Tx, m Motion) (Paper, error) {
	if m.Sittings == 0 {
		return Paper{}, m.notOpen()
	}
	rec, err := kv.Get(tx, papers.Key(m.ID, sitting(m.Sittings)))
	if err == nil && !rec.Exists() {
		err = fault.New(fault.Internal, "no_paper", "the ballot paper of the motion %s is not in the store", m.ID).Do("restore it from a backup")
	}
	return rec.Value, err
}

// getBallots reads the ballots of a motion's present paper, by seat.
func getBallots(tx *kv.Tx, m Motion) ([]Ballot, error) {
	recs, err := kv.List(tx, ballots, m.ID)
	if err != nil {
		return nil, err
	}
	var list []Ballot
	for _, r := range recs {
		if m.Opened != nil && r.Value.Paper == m.Opened.Hash {
			list = append(list, r.Value)
		}
	}
	slices.SortFunc(list, func(a, b Ballot) int { return cmp.Compare(a.Seat, b.Seat) })
	return list, nil
}

// casterKey hides nothing: it only makes any id fit for a key.
func casterKey(m Motion, person string) kv.Key[Caster] {
	sum := sha256.Sum256([]byte(person))
	return casters.Key(m.ID+"-"+sitting(m.Sittings), hex.EncodeToString(sum[:16]))
}

func getCases(tx *kv.Tx, ids ...string) ([]Case, error) {
	var list []Case
	for _, id := range ids {
		rec, err := find(tx, cases, unknownCase(id), id)
		if err != nil {
			return nil, err
		}
		list = append(list, rec.Value)
	}
	return list, nil
}

// all reads a collection, in the order of its keys.
func all[T any](tx *kv.Tx, c kv.Collection[T], parts ...string) ([]kv.Record[T], error) {
	recs, err := kv.List(tx, c, parts...)
	if err != nil {
		return nil, err
	}
	paths := make([]string, 0, len(recs))
	for path := range recs {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	list := make([]kv.Record[T], 0, len(recs))
	for _, path := range paths {
		list = append(list, recs[path])
	}
	return list, nil
}

// getRemarks reads what was said of a case, the oldest first.
func getRemarks(tx *kv.Tx, about string) ([]Remark, error) {
	recs, err := all(tx, remarks, about)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(recs, func(a, b kv.Record[Remark]) int { return cmp.Compare(a.Created, b.Created) })
	list := make([]Remark, 0, len(recs))
	for _, r := range recs {
		list = append(list, r.Value)
	}
	return list, nil
}
