package access_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// signed asks compliance to sign whatever is changed.
type signed struct{}

func (signed) Decide(context.Context, *kv.Tx, gate.Change) (gate.Decision, error) {
	return gate.Decision{By: "t", Require: []gate.Requirement{{Finding: gate.Finding{Rule: "R", Message: "a token is grave"},
		Kind: gate.NeedSignOff, Role: identity.Compliance, Count: 1}}}, nil
}

// A token that has to be signed off shows its secret to whoever asked for it, once, and
// is good from the sign-off on. Nobody who looks at what waits sees the secret.
func TestATokenThatWaits(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	g := gate.New(h.store, signed{}, time.Now, slog.New(slog.NewTextHandler(h.log, nil)), nil)
	service := access.NewService(g, h.store, nil, time.Now)
	o := by(operator)
	req := request()
	bearer, token, receipt, err := service.Issue(ctx, o, req)
	if err != nil || receipt.Pending == nil || !strings.HasPrefix(bearer, "qrt_") {
		t.Fatalf("%+v, %v", receipt, err)
	}
	h.sees(t, receipt.Revision)
	if _, err := h.dir.Authenticate(bearer, time.Now()); !fault.HasCode(err, "unknown_token") {
		t.Errorf("before it was signed: %v", err)
	}
	again, _, _, err := service.Issue(ctx, o, req)
	if again != "" || !fault.HasCode(err, "token_waits") || !strings.Contains(err.Error(), receipt.Pending.Change) {
		t.Errorf("asked again: %q, %v", again, err)
	}

	view, err := g.Look(ctx, receipt.Pending.Change)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	secret := bearer[len("qrt_")+len(token.ID)+1:]
	stored, err := h.etcd.Get(ctx, "", clientv3.WithPrefix())
	if err != nil || len(stored.Kvs) < 2 {
		t.Fatal(stored, err)
	}
	for _, found := range stored.Kvs {
		if bytes.Contains(found.Value, []byte(secret)) {
			t.Errorf("the store holds the secret at %s", found.Key)
		}
	}
	if bytes.Contains(shown, []byte(secret)) || strings.Contains(h.log.String(), secret) {
		t.Error("what waits, or the log, shows the secret")
	}

	compliance := identity.Principal{ID: "person:compliance", Name: "Compliance", Strength: identity.BySignIn, AuthTime: time.Now(),
		Grants: []identity.Grant{{Role: identity.Compliance, Regions: []string{identity.Every}}}}
	signedOff, err := g.Sign(ctx, by(compliance), receipt.Pending.Change, view.Binding)
	if err != nil {
		t.Fatal(err)
	}
	h.sees(t, signedOff.Revision)
	if p, err := h.dir.Authenticate(bearer, time.Now()); err != nil || p.Name != req.Name {
		t.Errorf("signed off: %v %v", p.Name, err)
	}
	if late, _, _, err := service.Issue(ctx, o, req); late != "" || !fault.HasCode(err, "token_already_issued") {
		t.Errorf("asked once more: %q, %v", late, err)
	}
}
