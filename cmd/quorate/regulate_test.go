package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quorate/quorate/internal/access/issuer"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
)

// testKey signs the law of tests; servers that tests start trust it.
var testKey signingKey

type signingKey struct {
	once sync.Once
	key  policy.SigningKey
	path string
	err  error
}

// file is the public key, in a file that lasts as long as the tests.
func (k *signingKey) file() (string, error) {
	k.once.Do(func() {
		var trusted policy.TrustedKeys
		if k.key, trusted, k.err = policy.NewKey("test"); k.err != nil {
			return
		}
		var dir string
		if dir, k.err = os.MkdirTemp("", "quorate-test-key-"); k.err != nil {
			return
		}
		k.path = filepath.Join(dir, "key.pub")
		k.err = os.WriteFile(k.path, []byte(trusted["test"]), 0o600)
	})
	return k.path, k.err
}

// harmlessLaw knows the places and words of the law and has one rule, of a capability
// that these tests do not use. It is for tests that are not about regulation.
func harmlessLaw() (fs.FS, error) {
	files := fstest.MapFS{
		"registry/x/data.yaml": {Data: []byte(`XX-NONE:
  title: A rule about research
  citation: none
  jurisdictions: [US-HI]
  actors: [provider]
  capabilities: [research]
  phase: E
  acts: [enable]
  time_zone: local
  status: in_force
  waivable_by: []
  point: flag
  monotone: true
  confidence: source
  review_due: "2099-01-01"
`)},
		"rules/x/xx_none.rego": {Data: []byte("package quorate.rules[\"XX-NONE\"]\n\nfinding contains {\"effect\": \"deny\", \"why\": \"x\"} if input.act == \"never\"\n")},
	}
	err := fs.WalkDir(rules.Law, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "registry/") || strings.HasPrefix(name, "rules/") || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		raw, err := fs.ReadFile(rules.Law, name)
		files[name] = &fstest.MapFile{Data: raw}
		return err
	})
	return files, err
}

// startProvider starts an identity provider that knows counsel and compliance.
func startProvider(t testing.TB) *issuer.Issuer {
	t.Helper()
	provider, err := issuer.Start(issuer.Config{Listen: "127.0.0.1:0", Now: time.Now, Accounts: []issuer.Account{
		{Subject: "compliance", Name: "Compliance officer", Groups: []string{"compliance"}},
		{Subject: "counsel", Name: "Counsel", Groups: []string{"counsel"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	return provider
}

// signIn is the token of a person who has just signed in.
func (p *process) signIn(account string) string {
	p.t.Helper()
	token, err := signedInAs(p.url, account)
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

// regulate has a law hold that forbids nothing, as counsel and compliance do it: one
// pushes and activates it, the other signs.
func (p *process) regulate(operator string) {
	p.t.Helper()
	files, err := harmlessLaw()
	if err != nil {
		p.t.Fatal(err)
	}
	archive, err := policy.Pack(files, testKey.key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.must(p.send("PUT", "/api/v1/access/groups", operator, "", map[string]any{"reason": "test", "roles": []map[string]any{
		{"group": "compliance", "role": "compliance", "regions": []string{"*"}}, {"group": "counsel", "role": "counsel", "regions": []string{"*"}}}}))
	compliance, counsel := p.signIn("compliance"), p.signIn("counsel")
	pushed := p.must(p.send("POST", "/api/v1/policy/bundles", compliance, "", map[string]any{"archive": archive, "reason": "test"}))
	result, _ := pushed.body["result"].(map[string]any)
	active := p.send("POST", "/api/v1/policy/activate", compliance, "", map[string]any{"layer": "law", "digest": result["digest"], "reason": "test"})
	if active.status != 202 { // it waits for counsel
		p.t.Fatalf("status %d: %s", active.status, active.raw)
	}
	receipt, _ := active.body["receipt"].(map[string]any)
	id, _ := receipt["id"].(string)
	view := p.must(p.send("GET", "/api/v1/changes/"+id, counsel, "", nil))
	p.must(p.send("POST", "/api/v1/changes/"+id+"/sign", counsel, "", map[string]any{"binding": view.body["binding"], "reason": "test"}))
	p.eventually(20*time.Second, "a law holds", func() bool { return strings.Contains(p.get("/metrics").raw, "\nquorate_policy_active 1\n") })
}
