package fault

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// The table is the contract with every client: a change here breaks scripts.
func TestKindsMapOnceToEveryProtocol(t *testing.T) {
	for _, want := range []struct {
		kind Kind
		word string
		http int
		grpc string
		exit int
	}{
		{Internal, "internal", 500, "internal", 1},
		{Invalid, "invalid", 400, "invalid_argument", 2},
		{TooLarge, "too_large", 413, "resource_exhausted", 2},
		{Unauthenticated, "unauthenticated", 401, "unauthenticated", 3},
		{Forbidden, "forbidden", 403, "permission_denied", 4},
		{NotFound, "not_found", 404, "not_found", 5},
		{Conflict, "conflict", 409, "aborted", 6},
		{Refused, "refused", 422, "failed_precondition", 7},
		{RateLimited, "rate_limited", 429, "resource_exhausted", 8},
		{QuotaExceeded, "quota_exceeded", 507, "resource_exhausted", 9},
		{StoreUnavailable, "store_unavailable", 503, "unavailable", 10},
		{OutcomeUnknown, "outcome_unknown", 202, "unknown", 11},
		{NotReady, "not_ready", 503, "unavailable", 12},
		{Kind(99), "internal", 500, "internal", 1},
	} {
		k := want.kind
		if k.String() != want.word || k.HTTPStatus() != want.http || k.GRPCCode() != want.grpc || k.ExitCode() != want.exit {
			t.Errorf("kind %d = %s %d %s %d, want %+v", int(k), k, k.HTTPStatus(), k.GRPCCode(), k.ExitCode(), want)
		}
	}
	for k := range kinds {
		if got, ok := KindOf(k.String()); !ok || got != k {
			t.Errorf("KindOf(%q) = %v, %v", k, got, ok)
		}
	}
}

func TestMessageKeepsTheOperatorsDetailApart(t *testing.T) {
	err := fmt.Errorf("saving: %w", New(NotFound, "unknown_region", "there is no region %q", "xx").
		Do("list them with %s", "`quorate region list`").At("/region").Because(io.ErrUnexpectedEOF))
	f := From(err)
	if got, want := f.Error(), "there is no region \"xx\"; list them with `quorate region list`"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
	if strings.Contains(f.Error(), io.ErrUnexpectedEOF.Error()) {
		t.Error("the operator's detail leaked into the message")
	}
	if !errors.Is(f, io.ErrUnexpectedEOF) || !Is(err, NotFound) || !HasCode(err, "unknown_region") {
		t.Error("a wrapped fault must still be found, with its cause")
	}
}

func TestForeignErrorsBecomeInternalWithoutTheirText(t *testing.T) {
	f := From(errors.New("patient 4711 at 10.0.0.1"))
	if f.Kind != Internal || strings.Contains(f.Error(), "4711") {
		t.Errorf("got kind %v, message %q", f.Kind, f)
	}
	if From(nil) != nil || Is(io.EOF, Internal) {
		t.Error("no error is no fault, and a foreign error has no kind of its own")
	}
}
