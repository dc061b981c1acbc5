package tally

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stvExpected is what the reference implementation did, action by action.
type stvExpected struct {
	Rule       string
	Seats      int
	Quota      Rat
	Candidates map[string]string
	InOrder    []string `json:"elected_in_order"`
	Actions    []struct {
		Round    int
		Tag, Msg string
		Votes    map[string]Rat
		Quota    Rat
		Nobody   Rat `json:"nt_votes"`
	}
}

var stvRules = map[string]func(Profile, int) (Result, error){
	"scotland": STVScottish, "wigm-prf": STVWIGM, "wigm": STVExact, "meek-prf": STVMeek, "meek": STVMeekExact,
}

func TestSTVVectors(t *testing.T) {
	files, err := filepath.Glob(vectors(t, "stv", "blt") + "/*.blt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	counts := 0
	for _, path := range files {
		var file struct{ Results []stvExpected }
		readJSON(t, &file, "stv", "blt", strings.TrimSuffix(filepath.Base(path), ".blt")+".expected.json")
		for _, want := range file.Results {
			counts++
			t.Run(filepath.Base(path)+"/"+want.Rule, func(t *testing.T) {
				f, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				e, err := ReadBLT(f)
				if err != nil {
					t.Fatal(err)
				}
				e.Ties = TieBreak{{By: ByOrder}}
				got, err := stvRules[want.Rule](e.Profile, e.Seats)
				if err != nil {
					t.Fatal(err)
				}
				want.check(t, e, got)
			})
		}
	}
	t.Logf("%d counts of %d elections", counts, len(files))
}

// stvFacts is what both sides can say of a count.
type stvFacts struct {
	Winners  []string            // by name, in order
	Defeated []string            // in order
	Rounds   []map[string]string // votes by candidate's number at the start of each round, then at the end
	Quotas   []string
	Nobody   []string
}

func (w stvExpected) check(t *testing.T, e Export, got Result) {
	t.Helper()
	meek := strings.HasPrefix(w.Rule, "meek")
	places := 12 // exact counts are printed there to so many
	if diff := cmp.Diff(w.facts(e, meek), reportedSTV(e, got, meek, places)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// facts: the reference shows the state of a round before what it did in it; of
// a Meek round, the state in which it elected or defeated.
func (w stvExpected) facts(e Export, meek bool) stvFacts {
	f := stvFacts{Winners: squeezed(w.InOrder)}
	seen := -1
	for _, a := range w.Actions {
		if a.Tag == "defeat" && !strings.HasPrefix(a.Msg, "Defeat remaining") {
			f.Defeated = append(f.Defeated, a.Msg[strings.LastIndex(a.Msg, ": ")+2:])
		}
		decides := a.Tag == "round" && !meek || meek && (a.Tag == "elect" || a.Tag == "defeat") && !strings.Contains(a.Msg, "emaining")
		if decides && a.Round != seen || a.Tag == "end" && !meek {
			seen = a.Round
			f.Rounds = append(f.Rounds, decimals(e, a.Votes))
			f.Quotas = append(f.Quotas, a.Quota.Decimal(12))
			f.Nobody = append(f.Nobody, a.Nobody.Decimal(12))
		}
	}
	f.Defeated = squeezed(f.Defeated)
	return f
}

// squeezed drops double and trailing spaces, which the reference does in part.
func squeezed(names []string) (out []string) {
	for _, n := range names {
		out = append(out, strings.Join(strings.Fields(n), " "))
	}
	return out
}

func decimals(e Export, votes map[string]Rat) map[string]string {
	out := make(map[string]string)
	for _, a := range e.Alternatives {
		out[a.Key] = votes[a.Key].Decimal(12)
	}
	return out
}

func reportedSTV(e Export, r Result, meek bool, places int) stvFacts {
	var f stvFacts
	titles := r.titles()
	for _, k := range r.Winners {
		f.Winners = append(f.Winners, titles[k])
	}
	for i, round := range r.Rounds {
		last := i == len(r.Rounds)-1
		if !last {
			for _, k := range round.Dropped {
				f.Defeated = append(f.Defeated, titles[k])
			}
		}
		idle := len(round.Moves)+len(round.Dropped) == 0 && !strings.HasPrefix(round.What, "surplus")
		if !meek && !last && idle || meek && last {
			continue // a round in which the Scottish count only notes that it is over
		}
		votes := make(map[string]Rat)
		for _, c := range round.Tally {
			votes[c.Alternative] = c.Votes
		}
		f.Rounds = append(f.Rounds, decimals(e, votes))
		f.Quotas = append(f.Quotas, round.Quota.Decimal(places))
		// The reference leaves out from the start what has no readable choice.
		nobody := round.Exhausted.Sub(r.Rounds[0].Exhausted).Decimal(places)
		if meek {
			nobody = "0" // not stated there
		}
		f.Nobody = append(f.Nobody, nobody)
	}
	f.Winners, f.Defeated = squeezed(f.Winners), squeezed(f.Defeated)
	return f
}
