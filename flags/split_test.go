package flags

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/policy"
)

// A region of three jurisdictions has a capability on in two of them, because its lead
// says so: whoever is under the third's law, or nobody knows where, does not have it.
func TestALeadNamesTheJurisdictions(t *testing.T) {
	w := wholeWorld(t)
	w.under(furnished(t, allQuestions()...))
	at := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	ask := func(place any) string {
		ctx := visit()
		ctx["patient"].(map[string]any)["location_now"] = place
		ctx["clinician"] = map[string]any{"licenses": []any{"US-DC", "US-MD", "US-VA"}}
		return w.variant("mas", "video_visit", ctx, at)
	}
	for _, place := range []string{"US-DC", "US-MD", "US-VA"} {
		if got := ask(place); got != "on" {
			t.Fatalf("everywhere: %s in %s", got, place)
		}
	}
	w.enable("mas", "video_visit", How{Audience: Audience{Jurisdictions: []string{"US-DC", "US-MD"}}})
	for place, want := range map[any]string{"US-DC": "on", "US-MD": "on", "US-VA": "not-in-jurisdiction", "US-CA": "not-in-jurisdiction", nil: "not-in-jurisdiction", "ZZ": "not-in-jurisdiction"} {
		if got := ask(place); got != want {
			t.Errorf("in two of three: %s in %v, want %s", got, place, want)
		}
	}
	official := officialLaw(t, "video_visit", w.snap.flag("mas", "video_visit").Definition())
	for place, want := range map[string]bool{"US-DC": true, "US-VA": false} {
		ctx := visit()
		ctx["patient"].(map[string]any)["location_now"] = place
		ctx["clinician"] = map[string]any{"licenses": []any{"US-DC", "US-MD", "US-VA"}}
		if value, variant, _, _, _ := official.ResolveBooleanValue(t.Context(), "", "video_visit", ctx); value != want {
			t.Errorf("flagd's engine: %v (%s) in %s", value, variant, place)
		}
	}
	for _, row := range w.snap.Board(at).Rows {
		for i, cell := range row.Cells {
			if row.Capability == "video_visit" && w.snap.Board(at).Regions[i] == "mas" && cell.Word() != "partly (2 of 3)" {
				t.Errorf("the board says %s: %+v", cell.Word(), cell)
			}
		}
	}
	e, err := w.snap.Explain("mas", "video_visit", nil, at)
	if text := fmt.Sprint(e.Layers); err != nil || !strings.Contains(text, "partly (2 of 3): on in US-DC, US-MD; not in US-VA (not enabled there)") {
		t.Errorf("%v %s", err, text)
	}
}

// What is proved for one jurisdiction of three is on in that one, and says so.
func TestOnWhereTheLawAllows(t *testing.T) {
	w := wholeWorld(t)
	p := furnished(t, allQuestions()...)
	var narrowed []policy.Evidence
	for _, e := range p.Evidence {
		if strings.HasPrefix(e.Type, "performs:") {
			e.Scope = "US-DC"
		}
		narrowed = append(narrowed, e)
	}
	w.under(&policy.Position{Law: p.Law, Config: p.Config, Evidence: narrowed})
	at := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	board, found := w.snap.Board(at), 0
	for _, row := range board.Rows {
		for i, region := range board.Regions {
			cell := row.Cells[i]
			if cell.Jurisdictions == 0 {
				continue
			}
			found++
			says := fmt.Sprintf("partly (%d of 3)", cell.OnIn)
			if region != "mas" || cell.Word() != says || cell.OnIn != 1 && cell.OnIn != 2 {
				t.Errorf("%s in %s: %s", row.Capability, region, cell.Word())
			}
			e, _ := w.snap.Explain(region, row.Capability, nil, at)
			if text := fmt.Sprint(e.Layers); !strings.Contains(text, says+": on in US-DC") || !strings.Contains(text, "not in US-MD (") || !strings.Contains(text, "/evidence/performs:") {
				t.Errorf("%s in %s: %s", row.Capability, region, text)
			}
		}
	}
	if found < 3 {
		t.Errorf("%d pairs are on in a part of their region", found)
	}
}

// A lead can name the region's own jurisdictions alone, and the group none.
func TestJurisdictionsAreTheRegionsOwn(t *testing.T) {
	mas := theRegions["mas"]
	for _, named := range [][]string{{"US-CA"}, {"US-VA", "US-VA"}, {""}} {
		if err := mas.within("/how/audience/jurisdictions", named); err == nil {
			t.Errorf("%v is taken", named)
		}
	}
	if err := mas.within("", []string{"US-VA", "US-DC"}); err != nil {
		t.Error(err)
	}
	b := Baseline{How: How{Audience: Audience{Jurisdictions: []string{"US-VA"}}}}
	if err := b.check(Capability{Key: "x"}, Act{}, Baseline{}); err == nil {
		t.Error("the group's baseline names a jurisdiction")
	}
	if !(Audience{}).wider(Audience{Jurisdictions: []string{"US-VA"}}) {
		t.Error("all jurisdictions are no wider than one")
	}
}
