package flags

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

// leasing is the law's frame with two rules of its own, that make video_visit and
// scheduling strict, for 60 and 45 seconds.
func leasing(t *testing.T) *policy.Position {
	t.Helper()
	law := fstest.MapFS{}
	if err := fs.WalkDir(rules.Law, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "registry/") || strings.HasPrefix(name, "rules/") || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		raw, err := fs.ReadFile(rules.Law, name)
		law[name] = &fstest.MapFile{Data: raw}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for id, r := range map[string]struct {
		of    string
		lease string
	}{"XS-VIDEO": {"video_visit", "60"}, "XS-SCHEDULING": {"scheduling", "45"}} {
		law["registry/"+id+"/data.yaml"] = &fstest.MapFile{Data: []byte(strings.NewReplacer("ID", id, "OF", r.of, "LEASE", r.lease).Replace(`ID:
  title: Only while it is known to hold
  citation: A test
  jurisdictions: ["*"]
  actors: [provider]
  capabilities: [OF]
  phase: E
  acts: [enable]
  effective: "2020-01-01"
  time_zone: local
  status: in_force
  waivable_by: []
  point: flag
  lease: LEASE
  monotone: true
  confidence: source
  review_due: "2099-01-01"
`))}
		law["rules/"+id+"/x.rego"] = &fstest.MapFile{Data: []byte(`package quorate.rules["` + id + `"]

finding contains {"effect": "deny", "why": "not yet"} if false
`)}
	}
	e, err := policy.New(t.Context(), law)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Position{Law: e}
}

// A rule makes a capability strict, and with it every setting of it and every
// capability that needs it, for the shortest time among them; no other.
func TestWhatNeedsAStrictCapabilityIsStrict(t *testing.T) {
	w := &world{t: t}
	w.region("co", "America/Denver")
	setting := Setting{Key: "max_minutes", Type: "integer", Description: "Length.", Off: json.Number("5"), Default: json.Number("30")}
	w.offer(Capability{Key: "video_visit", Kind: "clinical", Settings: []Setting{setting}})
	w.offer(Capability{Key: "scheduling", Kind: "administrative"})
	w.offer(Capability{Key: "econsult", Kind: "clinical", Prerequisites: []string{"video_visit", "scheduling"}})
	w.offer(Capability{Key: "epcs_video", Kind: "clinical", Prerequisites: []string{"video_visit"}})
	w.offer(Capability{Key: "messaging", Kind: "clinical"})
	w.offer(Capability{Key: "ai_reply", Kind: "clinical", Prerequisites: []string{"epcs_video"}})
	for _, key := range []string{"video_visit", "scheduling", "econsult", "epcs_video", "messaging"} {
		w.enable("co", key, How{})
	}
	w.under(leasing(t))
	for key, want := range map[string]time.Duration{"video_visit": time.Minute, "video_visit.max_minutes": time.Minute, "scheduling": 45 * time.Second,
		"econsult": 45 * time.Second, "epcs_video": time.Minute, "messaging": 0, "ai_reply": 0} {
		if got := w.snap.flag("co", key).Lease(); got != want {
			t.Errorf("%s is good for %v, want %v", key, got, want)
		}
	}
	w.enable("co", "ai_reply", How{})
	if got := w.snap.flag("co", "ai_reply").Lease(); got != time.Minute {
		t.Errorf("what needs what needs a strict one is good for %v, want a minute", got)
	}
	off := map[string]string{"video_visit": "false", "video_visit.max_minutes": "5", "econsult": "false"}
	for key, want := range off {
		f := w.snap.flag("co", key)
		lapsed, err := json.Marshal(f.Lapsed().Value)
		if err != nil || string(lapsed) != want {
			t.Errorf("%s lapsed gives %s, %v; want %s", key, lapsed, err, want)
		}
		end := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		sent, err := eval.CompileFlag(key, f.DefinitionUntil(end), nil)
		if err != nil {
			t.Fatal(err)
		}
		late, err := json.Marshal(sent.Evaluate(nil, end).Value)
		if err != nil || string(late) != want {
			t.Errorf("%s evaluated after its lease gives %s, %v; want %s", key, late, err, want)
		}
		if early := sent.Evaluate(nil, end.Add(-time.Second)); early.Variant != "on" {
			t.Errorf("%s evaluated within its lease: %+v", key, early)
		}
	}
	w.put("enablements/co/video_visit", Enablement{Region: "co", Capability: "video_visit"})
	if got := w.snap.flag("co", "epcs_video").Lease(); got != 0 {
		t.Errorf("what is off by the region's word is good for %v, want for ever", got)
	}
}
