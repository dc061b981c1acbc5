package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/quorate/quorate/internal/kv"
)

// veil puts digests in the place of values that the record is not to hold.
func veil(edits []kv.Edit, prefixes []string) []kv.Edit {
	if len(prefixes) == 0 {
		return edits
	}
	edits = slices.Clone(edits)
	for i, e := range edits {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(e.Path, p) }) {
			edits[i].Before, edits[i].After = digestOf(e.Before), digestOf(e.After)
		}
	}
	return edits
}

// digestOf is {"sha256": "…"} in the place of a value, and nothing in the place
// of none.
func digestOf(value json.RawMessage) json.RawMessage {
	if len(value) == 0 {
		return nil
	}
	sum := sha256.Sum256(value)
	return json.RawMessage(`{"sha256":"` + hex.EncodeToString(sum[:]) + `"}`)
}

// NewKey makes an idempotency key at a time, for a verb that needs to know the
// key of its change before it submits it.
func NewKey(at time.Time) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an idempotency key: %w", err)
	}
	ms := uint64(at.UnixMilli())
	for i := range 6 { // a UUIDv7 begins with 48 bits of milliseconds (RFC 9562, 5.7)
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id.String(), nil
}
