package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/access/issuer"
)

// The tests of this file and of faults_test.go run the real program, built once,
// as processes of their own, so that they can be killed, frozen and starved.

var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "quorate-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "quorate")
	out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return file, nil
})

// process is a running `quorate serve`.
type process struct {
	t        testing.TB
	args     []string
	cmd      *exec.Cmd
	url      string
	log      *lockedBuffer
	provider *issuer.Issuer // where its people sign in
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startServe starts `quorate serve` and waits until it is ready.
func startServe(t testing.TB, args ...string) *process {
	t.Helper()
	file, err := testKey.file()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, log: &lockedBuffer{}, provider: startProvider(t)}
	secret := filepath.Join(t.TempDir(), "client-secret")
	if err := os.WriteFile(secret, []byte(p.provider.ClientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	p.args = append([]string{"serve", "--listen", "127.0.0.1:0", "--policy-key", "test=" + file, "--oidc-issuer", p.provider.URL,
		"--oidc-client-id", p.provider.ClientID, "--oidc-client-secret-file", secret}, args...)
	p.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", p.log)
		}
		p.stop()
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	file, err := program()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(file, p.args...)
	p.cmd.Env = append(os.Environ(), "QUORATE_CONFIG=", "XDG_CONFIG_HOME="+p.t.TempDir())
	p.cmd.Stderr = p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	go func() { _, _ = io.Copy(io.Discard, stdout) }() // the pipe must not fill up
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "Quorate serves at ")
	if !ok {
		p.t.Fatalf("the server said %q (%v)\n%s", line, err, p.log)
	}
	p.url = url
	p.provider.Register(url + access.CallbackPath)
	p.eventually(20*time.Second, "ready", func() bool { return p.get("/readyz").status == 200 })
}

// stop ends the server as an operator does, and expects it to succeed.
func (p *process) stop() {
	if p.cmd == nil || p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil && !p.t.Failed() {
		p.t.Errorf("the server ended with %v\n%s", err, p.log)
	}
}

// kill ends the server, and its store if asked, as a power cut does.
func (p *process) kill(storeToo bool) {
	p.t.Helper()
	store := p.store()
	if storeToo {
		_ = syscall.Kill(store, syscall.SIGKILL)
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed: it says so
}

// store is the process id of the server's store, 0 while there is none.
func (p *process) store() int {
	p.t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, task := range tasks {
		raw, _ := os.ReadFile(task) // a task may have ended
		for _, field := range strings.Fields(string(raw)) {
			if pid, err := strconv.Atoi(field); err == nil {
				return pid
			}
		}
	}
	return 0
}

func (p *process) signalStore(sig syscall.Signal) {
	p.t.Helper()
	pid := p.store()
	if pid == 0 {
		p.t.Fatal("the server has no store process")
	}
	if err := syscall.Kill(pid, sig); err != nil {
		p.t.Fatal(err)
	}
}

type reply struct {
	status int
	body   map[string]any
	raw    string
	took   time.Duration
}

func (r reply) code() string { c, _ := r.body["code"].(string); return c }

func (p *process) get(path string) reply { return p.send("GET", path, "", "", nil) }

// send sends one request and never fails the test by itself: a server that is
// being killed answers status 0.
func (p *process) send(method, path, token, key string, body any) reply {
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Error(err)
		return reply{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader(raw))
	if err != nil {
		p.t.Error(err)
		return reply{}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if token == "" {
		req.Header.Del("Authorization")
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{took: time.Since(began)}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	r := reply{status: resp.StatusCode, raw: string(answer), took: time.Since(began)}
	if err != nil {
		return reply{took: r.took}
	}
	_ = json.Unmarshal(answer, &r.body) // not every answer is an object
	return r
}

func (p *process) must(r reply) reply {
	p.t.Helper()
	if r.status != 200 && r.status != 201 {
		p.t.Fatalf("status %d: %s", r.status, r.raw)
	}
	return r
}

func (p *process) eventually(limit time.Duration, what string, holds func() bool) {
	p.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	p.t.Fatalf("not %s within %s\n%s", what, limit, p.log)
}

// bootstrapToken is the operator's first token.
func (p *process) bootstrapToken(dataDir string) string {
	p.t.Helper()
	var token string
	p.eventually(10*time.Second, "the first token written", func() bool {
		raw, err := os.ReadFile(filepath.Join(dataDir, "bootstrap-token"))
		token = strings.TrimSpace(string(raw))
		return err == nil && p.send("GET", "/api/v1/whoami", token, "", nil).status == 200
	})
	return token
}

// furnish founds Colorado, offers video visits, enables them there, and returns
// the tokens of the lead and of a portal.
func (p *process) furnish(operator string) (lead, portal string) {
	p.t.Helper()
	p.must(p.send("PUT", "/api/v1/regions/co", operator, "", map[string]any{"value": map[string]any{
		"key": "co", "name": "Colorado", "jurisdictions": []string{"US-CO"}, "time_zone": "America/Denver"}}))
	p.must(p.send("PUT", "/api/v1/capabilities/video_visit", operator, "", map[string]any{"value": map[string]any{
		"key": "video_visit", "name": "Video visits", "kind": "clinical", "stage": "ready", "risk": "moderate",
		"for_patients": "See a clinician by video.", "for_clinicians": "Visits by video.",
		"impact":       map[string]int{"access": 2, "transparency": 0, "interaction": 1, "connection": 1, "efficiency": 0},
		"data_classes": []string{}, "requires_systems": []string{}, "prerequisites": []string{}, "settings": []string{}, "context": []string{}}}))
	p.must(p.send("PUT", "/api/v1/offers/video_visit", operator, "", map[string]any{"kind": "full", "reason": "test"}))
	p.regulate(operator)
	lead = p.issue(operator, "Colorado lead", "regional_lead", "co")
	portal = p.issue(operator, "portal", "service", "*")
	p.must(p.answer(lead, "", "enable"))
	return lead, portal
}

func (p *process) issue(operator, name, role, region string) string {
	p.t.Helper()
	r := p.must(p.send("POST", "/api/v1/tokens", operator, "", map[string]any{"name": name, "reason": "test",
		"grants": []map[string]any{{"role": role, "regions": []string{region}}}, "expires": time.Now().Add(time.Hour)}))
	secret := findString(r.body, "qrt_")
	if secret == "" {
		p.t.Fatalf("no token in %s", r.raw)
	}
	return secret
}

// findString finds the first string with a prefix anywhere in a JSON value.
func findString(v any, prefix string) string {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, prefix) {
			return v
		}
	case map[string]any:
		for _, inner := range v {
			if s := findString(inner, prefix); s != "" {
				return s
			}
		}
	case []any:
		for _, inner := range v {
			if s := findString(inner, prefix); s != "" {
				return s
			}
		}
	}
	return ""
}

func (p *process) answer(lead, key, answer string) reply {
	body := map[string]any{"answer": answer, "reason": "test " + key}
	if answer == "later" {
		body["until"] = "2099-01-01"
	}
	return p.send("PUT", "/api/v1/regions/co/enablements/video_visit", lead, key, body)
}

// evaluate asks as a portal in Colorado does.
func (p *process) evaluate(portal string) reply {
	return p.send("POST", "/regions/co/ofrep/v1/evaluate/flags/video_visit", portal, "", map[string]any{"context": map[string]any{
		"targetingKey": "p1", "action": "start", "patient": map[string]any{"age": 44, "location_now": "US-CO"},
		"clinician": map[string]any{"licenses": []string{"US-CO"}}}})
}
