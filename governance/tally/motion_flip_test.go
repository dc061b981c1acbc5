package tally

import (
	"testing"

	"pgregory.net/rapid"
)

// drawMotion draws a small house with every feature of the rule.
func drawMotion(t *rapid.T, most int) (Profile, MotionRule, Sitting) {
	n := rapid.IntRange(1, most).Draw(t, "members")
	var p Profile
	var s Sitting
	weights := []Rat{{}, Frac(1, 2), Int(1), Int(1), Int(2)}
	for i := range n {
		key := string(rune('a' + i))
		w := rapid.SampledFrom(weights).Draw(t, "weight")
		p.Roll = append(p.Roll, Member{Key: key, Weight: &w, Region: rapid.SampledFrom([]string{"", "N", "S", "W"}).Draw(t, "region")})
		if v := rapid.SampledFrom([]Vote{"", Yes, Yes, No, Abstain}).Draw(t, "vote"); v != "" {
			p.Ballots = append(p.Ballots, Ballot{Voter: key, Vote: v})
		}
		switch rapid.IntRange(0, 9).Draw(t, "part") {
		case 0:
			s.Chair = key
		case 1:
			s.Recused = append(s.Recused, Recusal{Member: key, Present: true})
		}
	}
	quorums := []Rat{{}, Frac(1, 3), Frac(1, 2), Frac(2, 3)}
	rule := MotionRule{
		Threshold:             rapid.SampledFrom([]Threshold{Majority, Majority, MajorityPresent, AbsoluteMajority, TwoThirds, ThreeQuarters, TwoThirdsOfMembers, UnanimousCast, UnanimousConsent}).Draw(t, "threshold"),
		Quorum:                rapid.SampledFrom(quorums).Draw(t, "quorum"),
		QuorumStrict:          rapid.Bool().Draw(t, "strict"),
		RegionQuorum:          rapid.SampledFrom(quorums).Draw(t, "region quorum"),
		RegionQuorumStrict:    rapid.Bool().Draw(t, "regions strict"),
		RecusedCountForQuorum: rapid.Bool().Draw(t, "recused"),
		DoubleMajority:        rapid.Bool().Draw(t, "double"),
		Chair:                 rapid.SampledFrom([]ChairRule{"", chairOnlyTies, chairCasts}).Draw(t, "chair"),
	}
	return p, rule, s
}

// TestFlipIsExact compares the counterfactual with trying every way in which
// members could have voted.
func TestFlipIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, rule, s := drawMotion(t, 5)
		h, _, err := convene(p, rule, s)
		if err != nil {
			t.Fatal(err)
		}
		_, outcome := h.decide()
		want := Counterfactual{Ballots: never, Members: never}
		tryAll(&h, 0, 0, false, func(changed int, absence bool) {
			if _, now := h.decide(); (now == carried) == (outcome == carried) {
				return
			}
			want.Members = least(want.Members, changed)
			if !absence {
				want.Ballots = least(want.Ballots, changed)
			}
		})
		if got := h.counterfactual(outcome); *got != want {
			t.Fatalf("%s: got %+v, every way tried gives %+v", outcome, *got, want)
		}
	})
}

// tryAll visits every way the members from i on could have acted.
func tryAll(h *house, i, changed int, absence bool, visit func(int, bool)) {
	if i == len(h.members) {
		visit(changed, absence)
		return
	}
	was := h.members[i]
	for _, v := range []Vote{"", Yes, No, Abstain} {
		h.members[i].vote, h.members[i].present = v, v != ""
		if v == was.vote {
			tryAll(h, i+1, changed, absence, visit)
		} else {
			tryAll(h, i+1, changed+1, absence || v == "" || was.vote == "", visit)
		}
	}
	h.members[i] = was
}

// TestFlipOfLargeHouse: a plenary of four hundred in seven regions, with half
// of it absent, is still answered exactly.
func TestFlipOfLargeHouse(t *testing.T) {
	var p Profile
	for i := range 400 {
		key := string(rune('A'+i%7)) + string(rune('0'+i/7))
		p.Roll = append(p.Roll, Member{Key: key, Region: key[:1]})
		if i < 190 {
			p.Ballots = append(p.Ballots, Ballot{Voter: key, Vote: []Vote{Yes, No, No, Abstain}[i%4]})
		}
	}
	rule := MotionRule{Threshold: TwoThirdsOfMembers, Quorum: Frac(1, 2), QuorumStrict: true, DoubleMajority: true}
	r, err := Motion(p, rule, Sitting{})
	if err != nil {
		t.Fatal(err)
	}
	// 48 yes of 400: two thirds is 267, so 219 members would have to act.
	if f := r.Motion.Flip; f == nil || f.Members != 219 || f.Ballots != never {
		t.Errorf("flip = %+v, want 219 members and never by ballots alone", f)
	}
}
