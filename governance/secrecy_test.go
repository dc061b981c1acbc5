package governance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// traces is all that a run leaves behind that somebody could look at.
type traces struct {
	Lengths map[string]int // of each value in the store, by key
	Answers []string
	Leaves  []string // of the record, in order
	Metrics string
}

// random is what differs between two runs whatever the votes.
var random = regexp.MustCompile(`[0-9a-f]{16,64}|[A-Za-z0-9+/]{40,}={0,2}|"revision":\d+`)

func masked(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return random.ReplaceAllStringFunc(string(raw), func(s string) string { return fmt.Sprintf("<%d>", len(s)) })
}

// vote runs two motions up to just before their close, with the votes given, and
// returns all it left.
func vote(t *testing.T, onOffer, onVendor func(i int) governance.Vote) traces {
	t.Helper()
	client := kvtest.Etcd(t)
	key, err := governance.NewSealKey()
	if err != nil {
		t.Fatal(err)
	}
	h := hallOn(t, kvtest.Open(t, client, kv.Config{}), key)
	reg := prometheus.NewRegistry()
	g := gate.New(h.store, gate.Unregulated{}, h.now, log, reg)
	h.flags = flags.NewService(g, h.replica, h.now)
	h.Service = governance.NewService(g, h.store, h.flags, key, h.now)
	n := 0
	keyed := func(o gate.Origin) gate.Origin { // the same keys in every run
		n++
		o.Key = fmt.Sprintf("%s-7000-8000-%012d", uuidTime(h.now()), n)
		return o
	}
	h.must(h.flags.SetRegion(ctx, keyed(h.operator()), flags.Region{Key: "co", Name: "co", Jurisdictions: []string{"US-CO"}, TimeZone: "America/Denver"}))
	h.must(h.flags.SetCapability(ctx, keyed(h.operator()), flags.Capability{Key: "video_visit", Name: "Video", Kind: "clinical", Stage: flags.Ready, Risk: "low",
		ForPatients: "See a clinician.", ForClinicians: "Visits."}))
	h.must(h.FoundBody(ctx, keyed(h.operator()), strategyGroup()))
	vendors := governance.Proposal{Kind: governance.Choice, Subject: governance.Subject{Options: []governance.Option{{Key: "a", Title: "A"}, {Key: "vendor-b", Title: "B"}, {Key: "none", Title: "None"}}}}
	var out traces
	for _, p := range []governance.Proposal{offerVideo(), vendors} {
		p.Body, p.Title, p.Text = "strategy", "A motion", "Resolved."
		id, r, err := h.Move(ctx, keyed(h.member("sca")), p)
		h.must(r, err)
		h.must(h.Second(ctx, keyed(h.member("co")), id))
		h.must(h.Open(ctx, keyed(h.secretary()), id, start.Add(24*time.Hour)))
		votes := onOffer
		if p.Kind == governance.Choice {
			votes = onVendor
		}
		for i, seat := range append(votingSeats, "co", "hi") { // two replace theirs
			receipt, done, err := h.Cast(ctx, keyed(h.member(seat)), id, seat, votes(i))
			h.must(done, err)
			out.Answers = append(out.Answers, masked(t, receipt), masked(t, done))
		}
		m, err := h.Motion(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		_, notYet := h.Close(ctx, keyed(h.clerk()), id)
		_, noCount := h.Count(ctx, id)
		h.must(h.Settle(ctx, keyed(h.clerk()), id))
		if !fault.HasCode(notYet, "not_due") || !fault.HasCode(noCount, "not_counted") {
			t.Errorf("while it is open: %v, %v", notYet, noCount)
		}
		out.Answers = append(out.Answers, masked(t, m.Value), notYet.Error(), noCount.Error())
	}
	all, err := client.Get(ctx, kv.Root, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	out.Lengths = map[string]int{}
	for _, pair := range all.Kvs {
		out.Lengths[string(pair.Key)] = len(pair.Value)
	}
	leaves, err := audit.Newest(ctx, h.store, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leaves {
		out.Leaves = append(out.Leaves, masked(t, l))
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		for _, m := range f.GetMetric() {
			fmt.Fprintln(&text, f.GetName(), m.GetLabel(), m.GetCounter().GetValue(), m.GetGauge().GetValue())
		}
	}
	out.Metrics = text.String()
	return out
}

func uuidTime(at time.Time) string {
	ms := fmt.Sprintf("%012x", at.UnixMilli())
	return ms[:8] + "-" + ms[8:]
}

// Sealed means sealed: two runs with opposite votes leave, before the close, the same
// keys with values of the same length, the same answers, record and metrics.
func TestOppositeVotesLeaveTheSameTraces(t *testing.T) {
	first := vote(t, func(int) governance.Vote { return yes() },
		func(int) governance.Vote { return governance.Vote{Ranks: [][]string{{"vendor-b"}, {"a"}, {"none"}}} })
	second := vote(t, func(i int) governance.Vote { return []governance.Vote{no(), abstain()}[i%2] },
		func(int) governance.Vote { return governance.Vote{} })
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the votes can be told apart (-first +second):\n%s", diff)
	}
	if len(first.Lengths) < 40 || len(first.Leaves) < 25 || len(first.Metrics) < 200 {
		t.Errorf("the test does not see what a run leaves: %d keys, %d leaves, %d bytes of metrics", len(first.Lengths), len(first.Leaves), len(first.Metrics))
	}
	for _, l := range first.Leaves {
		if bytes.Contains([]byte(l), []byte(`"sealed"`)) {
			t.Errorf("the record holds a sealed ballot: %s", l)
		}
	}
}

// The same vote under the same key is the same ballot; another vote under that key
// is refused, and neither answer tells the vote.
func TestABallotSentAgainIsCastOnce(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	o := h.member("co")
	var err error
	if o.Key, err = gate.NewKey(h.now()); err != nil {
		t.Fatal(err)
	}
	first, r, err := h.Cast(ctx, o, id, "co", yes())
	h.must(r, err)
	again, r, err := h.Cast(ctx, o, id, "co", yes())
	if h.must(r, err); !r.Replayed || again != first {
		t.Errorf("sent again: %+v, %+v; first %+v", again, r, first)
	}
	if _, _, err := h.Cast(ctx, o, id, "co", no()); !fault.HasCode(err, "idempotency_key_reused") {
		t.Errorf("another vote under the same key: %v", err)
	}
	m := h.ended(id)
	if m.Outcome.Cast != 1 {
		t.Errorf("%d ballots counted", m.Outcome.Cast)
	}
}

// A member finds their ballot in the record by its commitment, which is the leaf's
// digest of the request and nothing else about the vote.
func TestAReceiptIsFoundInTheRecord(t *testing.T) {
	h := founded(t)
	id := h.opened(offerVideo())
	receipt := h.cast(id, "co", no())
	leaf, err := audit.Find(h.store.View(ctx), receipt.Change)
	if err != nil || !leaf.Exists() {
		t.Fatal(err)
	}
	want, err := gate.Digest(map[string]any{"motion": id, "seat": "co", "commitment": receipt.Commitment})
	if err != nil || leaf.Value.Request != want {
		t.Errorf("the leaf binds %s, the receipt %s (%v)", leaf.Value.Request, want, err)
	}
	if !receipt.Confirms(no()) || receipt.Confirms(governance.Vote{Vote: tally.Yes}) {
		t.Error("the receipt is not for this vote alone")
	}
}
