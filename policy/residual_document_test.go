package policy

import (
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// What was turned into Rego's values once is what would be turned anew, in every
// place, on the days around each change of a rule or a table.
func TestDocumentsMadeOnceAreTheSame(t *testing.T) {
	e, b := engine(t), law(t)
	tried := map[string]bool{}
	for _, id := range b.ids {
		r := b.Records[id]
		for _, day := range r.boundaries() {
			for _, d := range []Day{shift(day, -1), day} {
				if d == "" {
					continue
				}
				in := Input{Phase: Enablement, AsOf: string(d) + "T12:00:00Z", Region: "co", Actor: "provider", Capability: "video_visit",
					Config: map[string]any{"languages": []any{"es"}}, Request: map[string]any{"action": "enable"}}
				at, err := time.Parse(time.RFC3339, in.AsOf)
				if err != nil {
					t.Fatal(err)
				}
				c := b.situation(&in, at, "US-CO")
				asked := map[string]any{id: map[string]any(r.setting(c.today))}
				now, err := e.shownNow(c, asked)
				if err != nil {
					t.Fatal(err)
				}
				document := c.document(asked)
				whole, err := ast.InterfaceToValue(document)
				if err != nil || now.Compare(whole) != 0 {
					t.Fatalf("%s on %s: %v\n%v\n%v", id, d, err, now, whole)
				}
				for _, name := range []string{"facts", "as_of", "today"} {
					delete(document, name)
				}
				left, err := ast.InterfaceToValue(document)
				if timeless, wrong := e.shownTimeless(c, asked); err != nil || wrong != nil || timeless.Compare(left) != 0 {
					t.Fatalf("%s on %s: %v %v\n%v\n%v", id, d, err, wrong, timeless, left)
				}
				tried[id] = true
			}
		}
	}
	if len(tried) < 30 {
		t.Errorf("%d rules tried", len(tried))
	}
}

// What the rules find is kept when counsel has spoken; what follows from it is not.
func TestAnOpinionChangesWhatFollowsAndNotWhatIsFound(t *testing.T) {
	e := engine(t)
	b := *e.bundle
	with := e.over(&b)
	if with.partials != e.partials {
		t.Error("the rules are asked anew, although they are the same")
	}
	if with.guards == e.guards {
		t.Error("guards are remembered that were made before the opinion")
	}
}
