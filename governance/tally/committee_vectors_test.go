package tally

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommitteeVectors(t *testing.T) {
	rules := map[string]func(Profile, int) (Result, error){
		"pav": PAV, "seqpav": SeqPAV, "seqphragmen": Phragmen,
		"equal-shares": func(p Profile, k int) (Result, error) { return EqualSharesCommittee(p, k, CompleteByPhragmen) },
		"equal-shares-with-av-completion": func(p Profile, k int) (Result, error) {
			return EqualSharesCommittee(p, k, CompleteByApproval)
		},
		"equal-shares-with-increment-completion (resolute: any of)": func(p Profile, k int) (Result, error) {
			p.Ties = TieBreak{{By: ByOrder}}
			return EqualSharesCommittee(p, k, CompleteByIncrement)
		},
		"av": approvalCommittees,
	}
	files, err := filepath.Glob(vectors(t, "abc") + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	counts, other := 0, map[string]bool{}
	for _, path := range files {
		var file struct {
			NumCandidates int `json:"num_candidates"`
			Seats         int `json:"committee_size"`
			Approvals     [][]int
			Expected      map[string][][]int
		}
		readJSON(t, &file, "abc", filepath.Base(path))
		var p Profile
		for i := range file.NumCandidates {
			p.Alternatives = append(p.Alternatives, Alternative{Key: strconv.Itoa(i)})
		}
		for _, set := range file.Approvals {
			p.Ballots = append(p.Ballots, Ballot{Approves: numerals(set)})
		}
		for rule, want := range file.Expected {
			count, ok := rules[rule]
			if !ok {
				other[rule] = true
				continue
			}
			counts++
			t.Run(filepath.Base(path)+"/"+rule, func(t *testing.T) {
				got, err := count(p, file.Seats)
				if err != nil {
					t.Fatal(err)
				}
				var sets [][]string
				for _, set := range want {
					sets = append(sets, numerals(set))
				}
				if diff := cmp.Diff(sets, got.Committees); diff != "" {
					t.Errorf("committees (-want +got):\n%s", diff)
				}
			})
		}
	}
	var names []string
	for k := range other {
		names = append(names, k)
	}
	slices.Sort(names)
	t.Logf("%d counts of %d profiles; not built, by name: %s", counts, len(files), strings.Join(names, ", "))
}

// approvalCommittees lists the committees of the most approved.
func approvalCommittees(p Profile, seats int) (Result, error) {
	a, err := newApprovals(p, seats)
	if err != nil {
		return Result{}, err
	}
	m := a.shares(0, CompleteByApproval)
	done, err := a.run(m)
	if err != nil {
		return Result{}, err
	}
	return a.result(done), nil
}

func numerals(set []int) []string {
	var out []string
	for _, i := range set {
		out = append(out, strconv.Itoa(i))
	}
	return out
}
