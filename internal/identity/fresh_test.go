package identity

import (
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

func TestOnlyAPersonWhoHasJustSignedInIsFresh(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	signed := func(ago time.Duration) Principal {
		return Principal{ID: "person:x", Name: "Colorado regional lead", Strength: BySignIn, AuthTime: now.Add(-ago)}
	}
	for _, c := range []struct {
		what string
		who  Principal
		code string // "" for fresh
	}{
		{"just now", signed(0), ""},
		{"four minutes ago", signed(4 * time.Minute), ""},
		{"to the second", signed(FreshFor), ""},
		{"a second too long ago", signed(FreshFor + time.Second), "fresh_sign_in_needed"},
		{"by a clock a little ahead", signed(-30 * time.Second), ""},
		{"in the future", signed(-2 * time.Minute), "fresh_sign_in_needed"},
		{"no time given", Principal{ID: "person:x", Name: "x", Strength: BySignIn}, "fresh_sign_in_needed"},
		{"a token", Principal{ID: "token:x", Name: "x", Strength: ByToken}, "needs_a_person"},
		{"a token that claims a time", Principal{ID: "token:x", Name: "x", Strength: ByToken, AuthTime: now}, "needs_a_person"},
		{"no strength", Principal{ID: "token:x", Name: "x", AuthTime: now}, "needs_a_person"},
		{"the host", Host(), "needs_a_person"},
		{"nobody", Principal{}, "unauthenticated"},
	} {
		err := RequireFresh(c.who, now, FreshFor)
		if (err == nil) != (c.code == "") || err != nil && !fault.HasCode(err, c.code) {
			t.Errorf("%s: %v, want %q", c.what, err, c.code)
		}
	}
}
