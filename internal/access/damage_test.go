package access_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A token that is good for issuing alone cannot widen itself.
func TestANarrowTokenCannotIssueAWideOne(t *testing.T) {
	h := newHouse(t)
	narrow := identity.Principal{ID: "token:ci", Name: "issuer", Verbs: []identity.Action{identity.IssueToken},
		Grants: []identity.Grant{{Role: identity.Operator, Regions: []string{identity.Every}}}}
	req := access.TokenRequest{Name: "wide", Expires: time.Now().Add(300 * 24 * time.Hour), Grants: []identity.Grant{
		{Role: identity.Operator, Regions: []string{identity.Every}}, {Role: identity.RegionalLead, Regions: []string{identity.Every}}}}
	if secret, _, _, err := h.Issue(context.Background(), by(narrow), req); err == nil {
		p, _ := authenticateSoon(t, h, secret)
		t.Errorf("a token good for %v alone issued one that may grant offers: %v", narrow.Verbs, identity.Can(p, identity.GrantOffer, identity.Target{}) == nil)
	}
}

func authenticateSoon(t *testing.T, h *house, secret string) (identity.Principal, error) {
	for range 100 {
		if p, err := h.dir.Authenticate(secret, time.Now()); err == nil {
			return p, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return identity.Principal{}, nil
}

// One damaged token lets nobody in, and keeps nobody else out.
func TestADamagedTokenDoesNotLockEverybodyOut(t *testing.T) {
	h := newHouse(t)
	if _, err := h.etcd.Put(context.Background(), kv.Root+"tokens/aaaaaaaaaaaaaaaa", "garbage"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.List(context.Background(), operator); err != nil {
		t.Errorf("listing: %v", err)
	}
	file := filepath.Join(t.TempDir(), "bootstrap-token")
	written, err := h.Bootstrap(context.Background(), file)
	if !written || err != nil {
		t.Errorf("no operator has a token and none can be made: %v, %v", written, err)
	}
}
