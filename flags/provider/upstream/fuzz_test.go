package upstream

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quorate/quorate/flags/eval"
)

// Whatever a server sends, reading it ends with a document that can be compiled,
// or cannot, and never with a panic; what was taken apart comes apart no further.
func FuzzReadDocument(f *testing.F) {
	f.Add(`{"flags":{"x":{"state":"ENABLED","variants":{"on":true},"metadata":{"lease":60},"targeting":{"if":[{">=":[{"var":"$flagd.timestamp"},1764000060]},"stale","on"]}}},"$quorate":{"incarnation":"a","epoch":1,"revision":2}}`)
	f.Add(`{"flags":null,"$quorate":[]}`)
	f.Add(`"lease"`)
	f.Fuzz(func(t *testing.T, document string) {
		m, err := readDocument(document)
		if err != nil {
			return
		}
		again, err := readDocument(m.document)
		if err == nil && again.origin != (Origin{}) && m.origin != (Origin{}) {
			t.Errorf("the origin is still in %s", m.document)
		}
		if set, err := eval.Compile([]byte(m.document)); err == nil {
			_ = changes(set, set)
		}
	})
}

// Whatever stands in the file, it is served only with its own digest.
func FuzzLoadStored(f *testing.F) {
	dir := f.TempDir()
	good := filepath.Join(dir, "good")
	if err := (stored{Selector: "flagSetId=co", Document: `{"flags":{}}`}).save(good); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(fileKind))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := loadStored(file, "flagSetId=co", 1<<20)
		if err == nil && s.Selector != "flagSetId=co" {
			t.Errorf("%q is served", raw)
		}
	})
}
