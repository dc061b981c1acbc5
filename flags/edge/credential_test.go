package edge

import (
	"context"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

const someToken = "qrt_aaaaaaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func aService() bearer {
	return bearer{ID: "token:aaaaaaaaaaaaaaaa", Name: "portal", Expires: noon.Add(time.Hour)}
}

func gone() error { return fault.New(fault.NotReady, "introspection_unavailable", "nobody answers") }

// An upstream that takes calls and never answers must not make the edge as slow as
// itself: only the first who finds out waits.
func TestNobodyWaitsForASilentUpstream(t *testing.T) {
	asked := 0
	var answer func() (bearer, error)
	d := newDirectory(identity.Principal{}, func(context.Context, string) (bearer, error) { asked++; return answer() })
	answer = func() (bearer, error) { return aService(), nil }
	if _, err := d.Authenticate(someToken, noon); err != nil {
		t.Fatal(err)
	}
	answer = func() (bearer, error) { return bearer{}, gone() }
	later := noon.Add(believed)
	for range 1000 {
		if p, err := d.Authenticate(someToken, later); err != nil || p.ID != aService().ID {
			t.Fatal(p, err)
		}
	}
	if asked != 2 {
		t.Fatalf("the upstream was asked %d times, want once when it answered and once when it did not", asked)
	}

	held, asking := make(chan struct{}), make(chan struct{})
	d.ask = func(context.Context, string) (bearer, error) {
		close(asking) // a second call would panic
		<-held
		return bearer{}, fault.New(fault.Unauthenticated, "unknown_token", "revoked")
	}
	for range 1000 { // would hang if anybody waited
		if _, err := d.Authenticate(someToken, later.Add(retried)); err != nil {
			t.Fatal(err)
		}
	}
	<-asking
	close(held)
	for { // what came of it is believed as soon as it is there
		if _, err := d.Authenticate(someToken, later.Add(retried)); fault.HasCode(err, "unknown_token") {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// Whoever is refused, or has expired, opens no stream again by the address it was
// given while it was accepted.
func TestAStreamIsNotOpenedForWhoIsRefusedSince(t *testing.T) {
	var refused error
	d := newDirectory(identity.Principal{}, func(context.Context, string) (bearer, error) { return aService(), refused })
	accept := func() {
		t.Helper()
		if _, err := d.Authenticate(someToken, noon); err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Sign(aService().ID, "x", noon); err != nil {
			t.Fatal(err)
		}
	}
	accept()
	if _, _, err := d.Sign(aService().ID, "x", noon.Add(time.Hour)); !fault.HasCode(err, "token_expired") {
		t.Fatalf("expired: %v", err)
	}
	refused = fault.New(fault.Unauthenticated, "unknown_token", "revoked")
	if _, err := d.Authenticate(someToken, noon.Add(believed)); err == nil {
		t.Fatal("a token that was refused is accepted")
	}
	if _, _, err := d.Sign(aService().ID, "x", noon.Add(believed)); !fault.HasCode(err, "unknown_token") {
		t.Fatalf("refused: %v", err)
	}
}
