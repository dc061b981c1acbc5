package edge

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/fault"
)

// FuzzSelectKey reads whatever comes as a selector: it is refused, or it names one
// source or one set, and no set can pass for a source.
func FuzzSelectKey(f *testing.F) {
	for _, selector := range []string{"", "flags.json", "source=flags.json", "flagSetId=co", "flagSetId=", "flagSetId=source=x", "flagSetId=a,source=b", "other=x", "=", ","} {
		f.Add(selector)
	}
	f.Fuzz(func(t *testing.T, selector string) {
		key, err := selectKey(selector)
		set, asked := strings.CutPrefix(selector, "flagSetId=")
		switch {
		case err != nil && !fault.Is(err, fault.Invalid):
			t.Errorf("%q is refused with %v", selector, err)
		case err == nil && selector != "" && key == everything:
			t.Errorf("%q chooses everything", selector)
		case err == nil && asked && set != "" && !strings.HasPrefix(set, bySource) && key != set:
			t.Errorf("%q chooses %q", selector, key)
		case err == nil && asked && set != "" && key == bySource+set:
			t.Errorf("%q, a set, chooses the source %q", selector, key)
		}
	})
}
