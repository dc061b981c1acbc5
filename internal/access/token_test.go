package access

import (
	"bytes"
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What is in a store today must be readable for ever: a change of this file is a
// change of schema.
func TestTheStoredFormIsFixed(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	token := Token{
		ID: "abcdefghijklmnop", Hash: hashOf(strings.Repeat("a", secretChars)), Name: "Colorado regional lead",
		Grants: []identity.Grant{{Role: identity.RegionalLead, Regions: []string{"co"}}},
		Verbs:  []identity.Action{identity.Answer}, Expires: at.Add(time.Hour),
		IssuedBy: "host", IssuedAt: at, Change: "019504a1-0000-7000-8000-000000000000",
		Revoked: &Revocation{At: at.Add(time.Minute), By: "token:x", Reason: "lost", Change: "019504a1-0000-7000-8000-000000000001"},
	}
	etcd := kvtest.Etcd(t)
	store := kvtest.Open(t, etcd, kv.Config{})
	if _, err := store.Update(context.Background(), "", func(tx *kv.Tx) error { return kv.Put(tx, tokens.Key(token.ID), token) }); err != nil {
		t.Fatal(err)
	}
	resp, err := etcd.Get(context.Background(), kv.Root+"tokens/"+token.ID)
	if err != nil || len(resp.Kvs) != 1 {
		t.Fatal(resp, err)
	}
	const golden = "testdata/token.json"
	if *update {
		if err := os.WriteFile(golden, append(resp.Kvs[0].Value, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.TrimSpace(want)
	if diff := cmp.Diff(string(want), string(resp.Kvs[0].Value)); diff != "" {
		t.Errorf("the stored form changed:\n%s", diff)
	}
	got, err := tokens.Decode("tokens/"+token.ID, want)
	if diff := cmp.Diff(token, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestATokenIsMadeOfChance(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id, secret := newID(""), newSecret()
		gotID, gotSecret, ok := split(bearer(id, secret))
		if !ok || gotID != id || gotSecret != secret || !wellFormedID(id) || len(secret) != secretChars {
			t.Fatalf("%q %q does not come apart as it was put together", id, secret)
		}
		if seen[id] || seen[secret] {
			t.Fatal("chance repeats itself")
		}
		seen[id], seen[secret] = true, true
	}
	if first, again := newID("a"), newID("a"); first != again || first == newID("b") {
		t.Error("the id of a token must follow from its idempotency key")
	}
}

// Whatever is sent, nothing but the token itself opens the door.
func FuzzAuthenticate(f *testing.F) {
	secret := strings.Repeat("a", secretChars)
	token := Token{ID: "abcdefghijklmnop", Hash: hashOf(secret), Name: "lead", Expires: time.Unix(2, 0)}
	e, err := entryOf(token, true)
	if err != nil {
		f.Fatal(err)
	}
	d := &Directory{metrics: newMetrics(nil)}
	d.entries.Store(&map[string]*entry{token.ID: e, "aaaaaaaaaaaaaaaa": {damaged: true}})
	good := bearer(token.ID, secret)
	for _, seed := range []string{good, "", "qrt_", "qrt__", good + "_", good[:20], bearer("aaaaaaaaaaaaaaaa", secret), strings.ToUpper(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		p, err := d.Authenticate(sent, time.Unix(1, 0))
		if (err == nil) != (sent == good) || p.Known() != (err == nil) {
			t.Errorf("%q: %+v, %v", sent, p, err)
		}
	})
}
