package policy

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	rules "github.com/quorate/quorate/policy/rego"
)

const ownRule = `package quorate.rules["CO-OWN-VIDEO-CONSENT"]

finding contains {"effect": "deny", "why": "the region wants consent first"} if input.act == "enable"
`

const ownRecord = `CO-OWN-VIDEO-CONSENT:
  title: Own procedure
  citation: Colorado operating procedure 7
  jurisdictions: ["*"]
  actors: [provider]
  capabilities: [video_visit]
  phase: E
  acts: [enable]
  effective: "2026-01-01"
  time_zone: local
  status: in_force
  waivable_by: []
  point: flag
  monotone: true
  confidence: source
  review_due: "2027-01-01"
`

func ownLayer(manifest, record, rule string) fstest.MapFS {
	return fstest.MapFS{
		".manifest":              {Data: []byte(manifest)},
		"registry/own/data.yaml": {Data: []byte(record)},
		"rules/own/x.rego":       {Data: []byte(rule)},
	}
}

const ofColorado = `{"metadata":{"layer":"region","region":"co","as_last_confirmed":"2026-07-01"}}`

// A region's own procedure binds that region and no other.
func TestARegionsOwnProcedureAddsARuleThere(t *testing.T) {
	e, err := New(t.Context(), rules.Law, ownLayer(ofColorado, ownRecord, ownRule))
	if err != nil {
		t.Fatal(err)
	}
	if e.bundle.Revision == law(t).Revision || len(e.bundle.Records) != len(law(t).Records)+1 {
		t.Errorf("revision %.12s, %d rules", e.bundle.Revision, len(e.bundle.Records))
	}
	in := Input{Phase: Enablement, AsOf: "2026-08-01T12:00:00Z", Region: "co", Jurisdictions: []string{"US-CO"}, Actor: "provider",
		Capability: "video_visit", Request: map[string]any{"action": "enable"}}
	if d := e.Decide(t.Context(), in); d.Allow || d.ByJurisdiction["US-CO"].Denials[0] != "CO-OWN-VIDEO-CONSENT" {
		t.Errorf("in Colorado: %s %s", d.Status, d.Sentence)
	}
	in.Region, in.Jurisdictions = "wa", []string{"US-WA"}
	if d := e.Decide(t.Context(), in); !d.Allow {
		t.Errorf("in Washington: %s %s", d.Status, d.Sentence)
	}
}

// What stands over the law can only add to it.
func TestALayerLoosensNothing(t *testing.T) {
	for what, c := range map[string]struct {
		layer fs.FS
		says  string
	}{
		"an id of the law's": {ownLayer(ofColorado, strings.ReplaceAll(ownRecord, "CO-OWN-VIDEO-CONSENT", "CO-TELEHEALTH-REG"), ownRule), "already in"},
		"an id like law's":   {ownLayer(ofColorado, strings.ReplaceAll(ownRecord, "CO-OWN-", "CO-"), ownRule), "begins with CO-OWN-"},
		"a rule of the law":  {ownLayer(ofColorado, ownRecord, strings.ReplaceAll(ownRule, "CO-OWN-VIDEO-CONSENT", "CO-TELEHEALTH-REG")), "begins with CO-OWN-"},
		"another region's":   {ownLayer(ofColorado, strings.ReplaceAll(ownRecord, "CO-OWN-", "HI-OWN-"), strings.ReplaceAll(ownRule, "CO-OWN-", "HI-OWN-")), "begins with CO-OWN-"},
		"a basis":            {ownLayer(ofColorado, ownRecord, ownRule+"\nbasis contains {\"code\": \"required_by_law\"} if true\n"), "loosens nothing: basis"},
		"an exception":       {ownLayer(ofColorado, ownRecord, ownRule+"\nexception contains \"license\" if true\n"), "loosens nothing: exception"},
		"a relaxation":       {ownLayer(ofColorado, ownRecord, ownRule+"\nrelaxation contains \"X\" if true\n"), "loosens nothing: relaxation"},
		"a helper of all": {fstest.MapFS{".manifest": {Data: []byte(ofColorado)},
			"lib/x.rego": {Data: []byte("package quorate.lib\n\nenabling := false\n")}}, "a layer's packages are"},
		"a word":          {fstest.MapFS{".manifest": {Data: []byte(ofColorado)}, "vocabulary/data.yaml": {Data: []byte("actors: []")}}, "rules and their records only"},
		"law":             {ownLayer(`{"metadata":{"layer":"law"}}`, ownRecord, ownRule), "must be one of [group region]"},
		"nobody's region": {ownLayer(`{"metadata":{"layer":"region"}}`, ownRecord, ownRule), "a region is named"},
		"no such region":  {ownLayer(`{"metadata":{"layer":"region","region":"atlantis"}}`, ownRecord, ownRule), "not known to the law"},
		"no manifest":     {fstest.MapFS{"registry/own/data.yaml": {Data: []byte(ownRecord)}}, "needs one"},
		"no rule":         {fstest.MapFS{".manifest": {Data: []byte(ofColorado)}, "registry/own/data.yaml": {Data: []byte(ownRecord)}}, "no package"},
	} {
		if _, err := New(t.Context(), rules.Law, c.layer); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}
	if _, err := New(t.Context(), ownLayer(ofColorado, ownRecord, ownRule)); err == nil {
		t.Error("a region's procedure stands without any law")
	}
}
