package eval

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A flag that is given other metadata is, to the byte, the one that was written
// with it.
func TestOtherMetadataIsAsIfWrittenSo(t *testing.T) {
	metadata := map[string]any{"region": "co", "offer": "a \"b\" <c>", "live": true, "revision": json.Number("4711")}
	raw, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"", `"metadata":{"region":"hi","old":1},`} {
		rest := `"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[true,"on"]}}`
		base, err := CompileFlag("x", []byte(`{`+before+rest), nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := CompileFlag("x", []byte(`{"metadata":`+string(raw)+`,`+rest), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := base.WithMetadata(metadata)
		if d := cmp.Diff(string(want.Definition()), string(got.Definition())); d != "" {
			t.Errorf("definition (-written +given):\n%s", d)
		}
		if d := cmp.Diff(want.Evaluate(nil, time.Now()), got.Evaluate(nil, time.Now())); d != "" {
			t.Errorf("result (-written +given):\n%s", d)
		}
		if _, ok := base.Metadata()["live"]; ok {
			t.Error("the first flag was changed")
		}
	}
}
