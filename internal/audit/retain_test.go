package audit_test

import (
	"testing"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/gate"
)

// As long as a key is accepted its leaf must be found, or a change could happen
// twice.
func TestLeavesOutliveTheirKeys(t *testing.T) {
	if audit.Retain <= gate.KeyLife {
		t.Errorf("leaves are kept for %v, keys are accepted for %v", audit.Retain, gate.KeyLife)
	}
}
