package audit

import (
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// pages reads all pages of a query and returns the numbers of the leaves.
func (b *bench) pages(q Query) (found []int) {
	b.t.Helper()
	for {
		p, err := b.log.Review(b.t.Context(), q)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(p.Entries) > q.Limit {
			b.t.Fatalf("a page of %d entries, limit %d", len(p.Entries), q.Limit)
		}
		for _, e := range p.Entries {
			n := int(e.At.Sub(noon) / time.Second)
			if e.Index != nil && *e.Index != int64(n) {
				b.t.Errorf("leaf %d has index %d", n, *e.Index)
			}
			found = append(found, n)
		}
		if p.Next == 0 {
			return found
		}
		q.Before = p.Next
	}
}

func TestAReviewFindsWhatIsAskedForAndAllOfIt(t *testing.T) {
	b := newBench(t)
	if got := b.pages(Query{Limit: 5}); len(got) != 0 {
		t.Errorf("an empty record has %v", got)
	}
	b.write(40)
	all := func(n int, want func(Leaf) bool) (list []int) {
		for i := range n {
			if want(leafNumber(i)) {
				list = append(list, i)
			}
		}
		slices.Reverse(list)
		return list
	}
	check := func(when string, n int) {
		t.Helper()
		for what, c := range map[string]struct {
			q    Query
			want func(Leaf) bool
		}{
			"everything":          {Query{}, func(Leaf) bool { return true }},
			"what one person did": {Query{Who: "token:1"}, func(l Leaf) bool { return l.Actor.ID == "token:1" }},
			"the same by name":    {Query{Who: "lead 1"}, func(l Leaf) bool { return l.Actor.ID == "token:1" }},
			"what a region saw":   {Query{Region: "hi"}, func(l Leaf) bool { return l.Target.Region == "hi" }},
			"what was refused":    {Query{Result: Refused}, func(l Leaf) bool { return l.Result == Refused }},
			"an action":           {Query{Action: "offer.grant"}, func(Leaf) bool { return false }},
			"a span of time": {Query{From: noon.Add(7 * time.Second), To: noon.Add(31 * time.Second)}, func(l Leaf) bool {
				return !l.At.Before(noon.Add(7*time.Second)) && l.At.Before(noon.Add(31*time.Second))
			}},
			"refused there, by him": {Query{Region: "co", Who: "token:0", Result: Refused}, func(l Leaf) bool { return l.Target.Region == "co" && l.Actor.ID == "token:0" && l.Result == Refused }},
		} {
			for _, limit := range []int{1, 7, 500} {
				if limit == 1 && n > 50 {
					continue
				}
				c.q.Limit = limit
				if got, want := b.pages(c.q), all(n, c.want); !slices.Equal(got, want) {
					t.Errorf("%s, %s, %d a page: %v, want %v", when, what, limit, got, want)
				}
			}
		}
	}
	check("before the sequencer has come", 40)
	b.mustServe(b.log)
	check("in a checkpoint", 40)
	b.write(500)
	b.mustServe(b.log)
	b.seal(b.log)
	b.pass(48 * time.Hour)
	if err := b.unload(b.log); err != nil {
		t.Fatal(err)
	}
	b.write(9)
	check("some sealed, some in the store, some waiting", 549)
}

func TestAnEntryIsFoundByItsKey(t *testing.T) {
	b := newBench(t)
	b.write(3)
	b.mustServe(b.log)
	b.write(1)
	at, err := b.log.Show(t.Context(), keyNumber(2))
	if err != nil || at.Index != 2 || at.Leaf.Reason != "reason 2" {
		t.Errorf("%+v %v", at, err)
	}
	if _, err := b.log.Show(t.Context(), keyNumber(3)); !fault.HasCode(err, "not_sequenced") {
		t.Errorf("an entry that waits: %v", err)
	}
	for _, id := range []string{keyNumber(8), "x", "", "../../head", keyNumber(2) + "-refused"} {
		if _, err := b.log.Show(t.Context(), id); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestAReviewByRoleStrengthAndEmergency(t *testing.T) {
	lead := Leaf{Actor: Actor{Roles: []string{"auditor", "regional_lead(hi,co)"}, Strength: identity.BySignIn}, Emergency: true}
	script := Leaf{Actor: Actor{Roles: []string{"regional_lead_deputy(co)"}, Strength: identity.ByToken}}
	for name, c := range map[string]struct {
		q            Query
		lead, script bool
	}{
		"a role, for whichever region": {Query{Role: identity.RegionalLead}, true, false},
		"another role of theirs":       {Query{Role: identity.Auditor}, true, false},
		"a role that nobody held":      {Query{Role: identity.Operator}, false, false},
		"signed in":                    {Query{By: identity.BySignIn}, true, false},
		"with a token":                 {Query{By: identity.ByToken}, false, true},
		"an emergency":                 {Query{Emergency: true}, true, false},
		"all of these":                 {Query{Emergency: true, By: identity.BySignIn, Role: identity.Auditor}, true, false},
		"nothing in particular":        {Query{}, true, true},
	} {
		if c.q.wants(lead) != c.lead || c.q.wants(script) != c.script {
			t.Errorf("%s: %v, %v", name, c.q.wants(lead), c.q.wants(script))
		}
	}
}
