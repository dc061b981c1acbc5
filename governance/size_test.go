package governance

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// The largest count that an opening lets through fits in a transaction, twice: as
// the record and in its leaf.
func TestTheLargestCountFits(t *testing.T) {
	key := newKey(t)
	for _, c := range []struct {
		form  Form
		rule  string
		seats int
	}{{YesNo, "motion", 300}, {Approval, "approval", 150}, {Points, "score", 60}, {Ratings, "ram", 20}} {
		p := Paper{Motion: "m-0123456789ab", Sitting: 1, Form: c.form, Rule: c.rule, MaxPoints: 9, Chair: "seat-000",
			MotionRule: &tally.MotionRule{Threshold: tally.Majority, Quorum: tally.Frac(1, 2)}, Kind: Resolution, Text: "Resolved."}
		for i := range c.seats {
			p.Roll = append(p.Roll, tally.Member{Key: fmt.Sprintf("seat-%03d-%024d", i, i), Region: "northern-california", Discipline: "pediatric cardiology", Physician: true})
		}
		for c.form != YesNo && len(p.Alternatives) < MaxOptions {
			next := p
			next.Alternatives = append(next.Alternatives, tally.Alternative{Key: fmt.Sprintf("case-%03d-%024d", len(p.Alternatives), 0), Title: "A title"})
			if next.checkSize() != nil {
				break
			}
			p = next
		}
		if err := p.checkSize(); err != nil || c.form != YesNo && len(p.Alternatives) < 5 {
			t.Fatalf("%s: %d seats, %d alternatives: %v", c.form, c.seats, len(p.Alternatives), err)
		}
		o := opening(t, key, "paper", p.ballotLength())
		m := Motion{ID: p.Motion, Opened: &o, Closed: &Closing{Act: act("clerk")}}
		vote := map[Form]int{YesNo: 0, Approval: 1, Points: 3, Ratings: 3}[c.form]
		var cast []Ballot
		for _, r := range p.Roll {
			plain, err := plaintext(p.longestVotes()[vote], key.salt("paper", r.Key, "c"), o.Length)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := seal(o, r.Key, plain)
			if err != nil {
				t.Fatal(err)
			}
			by := Person{ID: "person:0123456789abcdef0123456789abcdef", Name: "the chief of pediatrics of a region with a long name"}
			cast = append(cast, Ballot{Motion: m.ID, Seat: r.Key, Paper: "paper", By: by, Place: Holding, At: now, Commitment: commitment("paper", r.Key, plain), Sealed: sealed,
				Change: "01930000-0000-7000-8000-000000000000"})
		}
		var before []Panel
		for range maxRounds - 1 {
			whole, _, err := count(m, p, cast, before, key, act("clerk"))
			if err != nil {
				t.Fatal(err)
			}
			before = whole.Panels
		}
		whole, out, err := count(m, p, cast, before, key, act("clerk"))
		if err != nil || out.Cast != c.seats {
			t.Fatalf("%s: %+v, %v", c.form, out, err)
		}
		raw, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		if room := kv.MaxBytes - 100_000; 2*len(raw) > room {
			t.Errorf("%s: %d seats on %d alternatives make a count of %d bytes, twice that is more than %d", c.form, c.seats, len(p.Alternatives), len(raw), room)
		}
		t.Logf("%s: %d seats, %d alternatives: %d bytes", c.form, c.seats, len(p.Alternatives), len(raw))
	}
	huge := Paper{Form: Approval, Roll: make([]tally.Member, 300)}
	for i := range MaxOptions {
		huge.Alternatives = append(huge.Alternatives, tally.Alternative{Key: fmt.Sprintf("case-%020d", i)})
	}
	if err := huge.checkSize(); !fault.HasCode(err, "too_large_to_count") {
		t.Errorf("300 seats on 100 alternatives: %v", err)
	}
}
