package governance_test

import (
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// collections is all that the store holds but for the record, which grows by each
// refusal.
func collections(t *testing.T, etcd *clientv3.Client) string {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"needs", "needorders", "cycles", "cases", "caseversions", "comments", "notes", "concerns", "reviews"} {
		all, err := etcd.Get(ctx, kv.Root+name+"/", clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range all.Kvs {
			text.Write(pair.Key)
			text.Write(pair.Value)
		}
	}
	return text.String()
}

// regional is somebody with a role in one region.
func (h *hall) regional(name string, role identity.Role, region string) gate.Origin {
	o := h.person(name)
	o.Actor.Grants = []identity.Grant{{Role: role, Regions: []string{region}}}
	return o
}

// What is wrong with a need, a case, a remark, a note, a concern or a review is said,
// nothing is changed, and a refusal is on the record.
func TestBadInputAroundTheMotions(t *testing.T) {
	type try = func() error
	key, err := governance.NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	etcd := kvtest.Etcd(t)
	h := hallOn(t, kvtest.Open(t, etcd, kv.Config{}), key)
	h.furnish()
	h.must(h.FoundBody(ctx, h.operator(), strategyGroup()))
	h.must(h.SetCycle(ctx, h.secretary(), cycle2027("strategy")))
	lead := func() gate.Origin { return h.regional("lead", identity.RegionalLead, "co") }
	other := func() gate.Origin { return h.regional("other", identity.RegionalLead, "hi") }
	author := func() gate.Origin { return h.person("author", identity.Contributor) }
	mute := func(o gate.Origin) gate.Origin { o.Reason = ""; return o }

	need, r, err := h.RaiseNeed(ctx, lead(), governance.Need{Cycle: "2027", Region: "co", Title: "Fewer calls", Text: "Members call about refills."})
	h.must(r, err)
	gone, r, err := h.RaiseNeed(ctx, lead(), governance.Need{Cycle: "2027", Region: "co", Title: "A pager", Text: "For everybody."})
	h.must(r, err)
	h.must(h.WithdrawNeed(ctx, lead(), gone))
	h.must(h.WriteCase(ctx, author(), governance.Case{ID: "refill", Cycle: "2027", Title: "Refills"}))
	question, r, err := h.Say(ctx, author(), governance.Remark{Case: "refill", Kind: governance.Question, Text: "Who pays?"})
	h.must(r, err)
	objection, r, err := h.Say(ctx, author(), governance.Remark{Case: "refill", Kind: governance.Objection, Text: "Not like this."})
	h.must(r, err)
	concern, r, err := h.RaiseConcern(ctx, author(), governance.Concern{Region: "co", Capability: "video_visit", Severity: "minor", Text: "It is slow."})
	h.must(r, err)
	h.must(h.TriageConcern(ctx, lead(), "co", concern, "watched"))

	raise := func(o func() gate.Origin, n governance.Need) try {
		return func() error { _, _, err := h.RaiseNeed(ctx, o(), n); return err }
	}
	write := func(o func() gate.Origin, c governance.Case) try {
		return func() error { _, err := h.WriteCase(ctx, o(), c); return err }
	}
	say := func(o func() gate.Origin, m governance.Remark) try {
		return func() error { _, _, err := h.Say(ctx, o(), m); return err }
	}
	concernOf := func(c governance.Concern) try {
		return func() error { _, _, err := h.RaiseConcern(ctx, author(), c); return err }
	}
	share := func(o func() gate.Origin, n governance.Note) try {
		return func() error { _, _, err := h.ShareNote(ctx, o(), n); return err }
	}
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		what string
		do   try
		code string
		kind fault.Kind
	}{
		{"a need of no year", raise(lead, governance.Need{Cycle: "1999", Title: "T", Text: "T"}), "unknown_cycle", fault.NotFound},
		{"a need of no region there is", raise(lead, governance.Need{Cycle: "2027", Region: "atlantis", Title: "T", Text: "T"}), "unknown_region", fault.NotFound},
		{"a need without a title", raise(lead, governance.Need{Cycle: "2027", Text: "T"}), "bad_value", fault.Invalid},
		{"a need too long to read", raise(lead, governance.Need{Cycle: "2027", Title: "T", Text: long}), "bad_value", fault.Invalid},
		{"a yes-if of no region", raise(lead, governance.Need{Cycle: "2027", Title: "T", Text: "T", YesIf: "video_visit"}), "bad_value", fault.Invalid},
		{"a yes-if to what is not offered", raise(lead, governance.Need{Cycle: "2027", Region: "co", Title: "T", Text: "T", YesIf: "video_visit"}), "not_offered", fault.Refused},
		{"a yes-if for another region", raise(other, governance.Need{Cycle: "2027", Region: "co", Title: "T", Text: "T", YesIf: "video_visit"}), "forbidden", fault.Forbidden},
		{"a yes-if by a contributor", raise(author, governance.Need{Cycle: "2027", Region: "co", Title: "T", Text: "T", YesIf: "video_visit"}), "forbidden", fault.Forbidden},
		{"an operator raises a need", raise(h.operator, governance.Need{Cycle: "2027", Title: "T", Text: "T"}), "forbidden", fault.Forbidden},
		{"sponsoring one's own", func() error { _, err := h.SponsorNeed(ctx, lead(), need); return err }, "sponsors_already", fault.Refused},
		{"sponsoring what there is not", func() error { _, err := h.SponsorNeed(ctx, lead(), "n-none"); return err }, "unknown_need", fault.NotFound},
		{"sponsoring what has ended", func() error { _, err := h.SponsorNeed(ctx, other(), gone); return err }, "need_withdrawn", fault.Refused},
		{"withdrawing another's need", func() error { _, err := h.WithdrawNeed(ctx, other(), need); return err }, "not_yours", fault.Forbidden},
		{"merging into itself", func() error { _, err := h.MergeNeed(ctx, h.member("co"), need, need); return err }, "bad_value", fault.Invalid},
		{"merging into what has ended", func() error { _, err := h.MergeNeed(ctx, h.member("co"), need, gone); return err }, "need_withdrawn", fault.Refused},
		{"a lead merges", func() error { _, err := h.MergeNeed(ctx, lead(), need, gone); return err }, "forbidden", fault.Forbidden},
		{"answering with no case there is", func() error { _, err := h.AnswerNeed(ctx, h.member("co"), need, []string{"none"}); return err }, "unknown_case", fault.NotFound},
		{"declining without saying why", func() error { _, err := h.AnswerNeed(ctx, mute(h.member("co")), need, nil); return err }, "bad_value", fault.Invalid},
		{"ranking what has ended", func() error {
			_, err := h.RankNeeds(ctx, lead(), governance.Order{Cycle: "2027", Region: "co", Needs: []string{gone}})
			return err
		}, "need_not_open", fault.Refused},
		{"ranking one twice", func() error {
			_, err := h.RankNeeds(ctx, lead(), governance.Order{Cycle: "2027", Region: "co", Needs: []string{need, need}})
			return err
		}, "bad_value", fault.Invalid},
		{"ranking for another region", func() error {
			_, err := h.RankNeeds(ctx, other(), governance.Order{Cycle: "2027", Region: "co", Needs: []string{need}})
			return err
		}, "forbidden", fault.Forbidden},

		{"a case of no year", write(author, governance.Case{ID: "x", Cycle: "1999", Title: "T"}), "unknown_cycle", fault.NotFound},
		{"a case with a name that is none", write(author, governance.Case{ID: "../x", Cycle: "2027", Title: "T"}), "unknown_case", fault.NotFound},
		{"a case on no need there is", write(author, governance.Case{ID: "x", Cycle: "2027", Title: "T", Needs: []string{"n-none"}}), "unknown_need", fault.NotFound},
		{"a case of no capability there is", write(author, governance.Case{ID: "x", Cycle: "2027", Title: "T", Capabilities: []string{"teleport"}}), "unknown_capability", fault.NotFound},
		{"costs that fall", write(author, governance.Case{ID: "x", Cycle: "2027", Title: "T", Cost: governance.Cost{Low: 5, Expected: 3, High: 4}}), "bad_value", fault.Invalid},
		{"an impact of three", write(author, governance.Case{ID: "x", Cycle: "2027", Title: "T", Impact: []governance.ImpactLine{{Area: "access", Score: 3, ForWhom: "A", Baseline: "B", CheckOn: "2028-01-01"}}}), "bad_value", fault.Invalid},
		{"another's case", write(lead, governance.Case{ID: "refill", Cycle: "2027", Title: "Mine"}), "not_yours", fault.Forbidden},
		{"submitting what is not complete", func() error { _, err := h.SubmitCase(ctx, author(), "refill"); return err }, "case_incomplete", fault.Refused},
		{"submitting what there is not", func() error { _, err := h.SubmitCase(ctx, author(), "none"); return err }, "unknown_case", fault.NotFound},
		{"withdrawing without a reason", func() error { _, err := h.WithdrawCase(ctx, mute(author()), "refill"); return err }, "bad_value", fault.Invalid},
		{"withdrawing another's case", func() error { _, err := h.WithdrawCase(ctx, lead(), "refill"); return err }, "not_yours", fault.Forbidden},

		{"a remark of no kind", say(author, governance.Remark{Case: "refill", Kind: "rumour", Text: "T"}), "bad_value", fault.Invalid},
		{"a remark of nothing", say(author, governance.Remark{Case: "refill", Kind: governance.Comment}), "bad_value", fault.Invalid},
		{"a remark on no case there is", say(author, governance.Remark{Case: "none", Kind: governance.Comment, Text: "T"}), "unknown_case", fault.NotFound},
		{"an answer to nothing", say(author, governance.Remark{Case: "refill", Kind: governance.Answer, Text: "T"}), "bad_value", fault.Invalid},
		{"an answer to an objection", say(author, governance.Remark{Case: "refill", Kind: governance.Answer, Under: objection, Text: "T"}), "bad_value", fault.Invalid},
		{"under a remark there is not", say(author, governance.Remark{Case: "refill", Kind: governance.Comment, Under: "r-none", Text: "T"}), "unknown_remark", fault.NotFound},
		{"an operator objects", say(h.operator, governance.Remark{Case: "refill", Kind: governance.Objection, Text: "T"}), "forbidden", fault.Forbidden},
		{"resolving another's objection", func() error { _, err := h.Resolve(ctx, lead(), "refill", objection); return err }, "not_yours", fault.Forbidden},
		{"resolving a question", func() error { _, err := h.Resolve(ctx, author(), "refill", question); return err }, "no_objection", fault.Refused},
		{"resolving what there is not", func() error { _, err := h.Resolve(ctx, author(), "refill", "r-none"); return err }, "unknown_remark", fault.NotFound},

		{"a note of nothing", share(lead, governance.Note{Region: "co", Capability: "video_visit", Configured: "C"}), "bad_value", fault.Invalid},
		{"a note on no capability there is", share(lead, governance.Note{Region: "co", Capability: "teleport", Configured: "C", Learned: "L"}), "unknown_capability", fault.NotFound},
		{"a note for another region", share(other, governance.Note{Region: "co", Capability: "video_visit", Configured: "C", Learned: "L"}), "forbidden", fault.Forbidden},
		{"a concern of no weight", concernOf(governance.Concern{Region: "co", Capability: "video_visit", Severity: "huge", Text: "T"}), "bad_value", fault.Invalid},
		{"a concern of no region there is", concernOf(governance.Concern{Region: "atlantis", Capability: "video_visit", Severity: "minor", Text: "T"}), "unknown_region", fault.NotFound},
		{"a concern about nothing there is", concernOf(governance.Concern{Region: "co", Capability: "teleport", Severity: "minor", Text: "T"}), "unknown_capability", fault.NotFound},
		{"triage twice", func() error { _, err := h.TriageConcern(ctx, lead(), "co", concern, "watched"); return err }, "triaged_already", fault.Refused},
		{"triage of another region's", func() error { _, err := h.TriageConcern(ctx, other(), "hi", concern, "watched"); return err }, "unknown_concern", fault.NotFound},
		{"triage by another region", func() error { _, err := h.TriageConcern(ctx, other(), "co", concern, "watched"); return err }, "forbidden", fault.Forbidden},
		{"a review of what was not funded", func() error {
			_, err := h.WriteReview(ctx, h.member("co"), governance.Review{Case: "refill", Harms: "None.", Verdict: "keep"})
			return err
		}, "case_draft", fault.Refused},
		{"a review of no case there is", func() error {
			_, err := h.WriteReview(ctx, h.member("co"), governance.Review{Case: "none", Harms: "None.", Verdict: "keep"})
			return err
		}, "unknown_case", fault.NotFound},
		{"a review by a contributor", func() error {
			_, err := h.WriteReview(ctx, author(), governance.Review{Case: "refill", Harms: "None.", Verdict: "keep"})
			return err
		}, "forbidden", fault.Forbidden},
	} {
		before, refused := collections(t, etcd), h.refusals()
		if len(before) < 1000 {
			t.Fatal("the test does not see what there is to change")
		}
		err := c.do()
		if !fault.HasCode(err, c.code) || !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
			continue
		}
		if fault.From(err).Remedy == "" {
			t.Errorf("%s: no remedy in %v", c.what, err)
		}
		if after := collections(t, etcd); after != before {
			t.Errorf("%s: the state changed", c.what)
		}
		want := 0
		if c.kind == fault.Refused || c.kind == fault.Forbidden {
			want = 1
		}
		if n := h.refusals() - refused; n != want {
			t.Errorf("%s: %d refusals recorded, want %d", c.what, n, want)
		}
		h.pass(time.Minute) // nobody fills the record with refusals
	}
}
