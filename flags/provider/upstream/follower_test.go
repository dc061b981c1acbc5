package upstream_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/provider/upstream"
)

// document is a set with one flag, x, whose value is a word.
func document(word string) string {
	return fmt.Sprintf(`{"flags":{"x":{"state":"ENABLED","variants":{"v":%q},"defaultVariant":"v"}},"metadata":{"flagSetId":"co"}}`, word)
}

// from is the same with an origin.
func from(word, incarnation string, epoch, revision int64) string {
	return strings.TrimSuffix(document(word), "}") + fmt.Sprintf(`,"$quorate":{"incarnation":%q,"epoch":%d,"revision":%d}}`, incarnation, epoch, revision)
}

// A set is served as it comes, after each change, through restarts of the server,
// and after a restart of the service without the server.
func TestASetIsFollowedAndKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "co.snapshot")
	keep := func(c *upstream.Config) { c.File, c.Token = file, "qrt_x" }
	s := newScript(t, document("one"))
	l := follow(t, s, keep)
	l.wait("the first set", upstream.Connected)
	if got := l.value("x"); got != "one" {
		t.Fatalf("x is %v", got)
	}
	if slices.ContainsFunc(l.told(), func(e upstream.Event) bool { return e.Kind == upstream.Applied }) {
		t.Errorf("the first set was told as a change: %v", l.told())
	}
	s.mu.Lock()
	if s.selector != "flagSetId=co" || s.tokens[0] != "Bearer qrt_x" {
		t.Errorf("asked with the selector %q and %q", s.selector, s.tokens)
	}
	s.mu.Unlock()

	s.say(document("two"), nil)
	if e := l.wait("the change", upstream.Applied); !slices.Equal(e.Keys, []string{"x"}) || l.value("x") != "two" {
		t.Errorf("after the change %v: %v", e.Keys, l.value("x"))
	}

	l.forget()
	s.stop()
	l.wait("the server is gone", upstream.Lost)
	if st := l.State(); l.value("x") != "two" || st.Connected || st.Since.IsZero() {
		t.Errorf("without the server x is %v, %+v", l.value("x"), st)
	}
	l.forget()
	s.start()
	l.wait("the server is back", upstream.Connected)
	if len(l.told()) != 1 {
		t.Errorf("nothing changed, and it told %v", l.told())
	}

	l.stop()
	s.stop()
	if l.State().Connected {
		t.Error("a follower that has stopped says that it is connected")
	}
	again := follow(t, s, keep)
	select {
	case <-again.Ready():
	default:
		t.Fatal("what is on disk is not served at once")
	}
	if again.value("x") != "two" || again.State().Connected {
		t.Errorf("from disk x is %v, %+v", again.value("x"), again.State())
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	s.start()
	again.wait("heard again", upstream.Connected)
}

// A set that is older, of another store, damaged, not whole or too large is
// refused, said once, and changes nothing.
func TestWhatIsNotGoodChangesNothing(t *testing.T) {
	for name, bad := range map[string]string{
		"an earlier revision": from("bad", "a", 2, 6),
		"an earlier epoch":    from("bad", "a", 1, 900),
		"another store":       from("bad", "b", 2, 900),
		"another, long ago":   from("bad", "b", 1, 900),
		"no JSON":             `{"flags":`,
		"no flags":            `{"$quorate":{"incarnation":"a","epoch":2,"revision":8}}`,
		"a bad flag":          `{"flags":{"x":{"state":"ENABLED","variants":{"v":[]}}}}`,
		"too large":           document(strings.Repeat("x", 1<<20)),
		"nothing":             ``,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "s")
			s := newScript(t, from("good", "a", 2, 7))
			l := follow(t, s, func(c *upstream.Config) { c.File, c.MaxBytes = file, 64<<10 })
			l.wait("the first set", upstream.Connected)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s.say(bad, nil)
			if e := l.wait("the refusal", upstream.Refused); e.Err == nil || strings.Contains(e.Err.Error(), "xxxx") {
				t.Errorf("it said %v", e.Err)
			}
			if st := l.State(); l.value("x") != "good" || st.Connected {
				t.Errorf("x is %v, connected %v", l.value("x"), st.Connected)
			}
			if after, _ := os.ReadFile(file); string(after) != string(before) {
				t.Error("the file has changed")
			}
			s.say(from("better", "a", 2, 8), nil)
			eventually(t, "a good set", func() bool { return l.value("x") == "better" && l.State().Connected })
		})
	}
}

// A restore that was accepted raises the epoch, and with it an earlier revision
// is taken, as is a set of a server that does not say whence it is.
func TestAnAcceptedRestoreIsTaken(t *testing.T) {
	s := newScript(t, from("one", "a", 1, 7))
	l := follow(t, s)
	l.wait("the first set", upstream.Connected)
	s.say(from("restored", "a", 2, 3), nil)
	eventually(t, "the restored set", func() bool { return l.value("x") == "restored" })
	s.say(document("plain"), nil)
	eventually(t, "a set without origin", func() bool { return l.value("x") == "plain" })
	for _, e := range l.told() {
		if e.Kind == upstream.Refused {
			t.Errorf("refused: %v", e.Err)
		}
	}
}

// Who may not ask is told so, once, and comes in later without a restart.
func TestARefusalIsToldOnce(t *testing.T) {
	s := newScript(t, document("one"))
	s.say("", connect.NewError(connect.CodePermissionDenied, errors.New("not for hi")))
	l := follow(t, s)
	l.wait("the refusal", upstream.Refused)
	eventually(t, "several tries", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.tokens) > 4 })
	if n := len(l.told()); n != 1 {
		t.Errorf("told %d times: %v", n, l.told())
	}
	s.say("", errDown)
	l.wait("the server goes away", upstream.Lost)
	s.say(document("one"), nil)
	l.wait("let in", upstream.Connected)
}

// What stands on disk is served only if it is whole and for this region.
func TestAFileIsServedOnlyIfItIsWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	s := newScript(t, from("one", "a", 1, 7))
	l := follow(t, s, func(c *upstream.Config) { c.File = file })
	l.wait("the first set", upstream.Connected)
	l.stop()
	s.stop()
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	open := func(raw []byte, region string) *upstream.State {
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return follow(t, s, func(c *upstream.Config) { c.File, c.Region = file, region }).State()
	}
	if open(good, "co") == nil {
		t.Fatal("the file as it was is not served")
	}
	if open(good, "hi") != nil {
		t.Error("a file of co is served as hi")
	}
	for i := 0; i < len(good); i += 7 {
		flipped := slices.Clone(good)
		flipped[i] ^= 4
		if open(flipped, "co") != nil {
			t.Errorf("served with a flipped bit in byte %d", i)
		}
		if open(good[:i], "co") != nil {
			t.Errorf("served cut after byte %d", i)
		}
	}
}

// leasedDocument is a set with a strict flag, x, that is on until a time.
func leasedDocument(t *testing.T, revision int64, end time.Time) string {
	t.Helper()
	f, err := eval.CompileFlag("x", []byte(`{"state":"ENABLED","variants":{"on":true,"off":false,"stale":false},"defaultVariant":"off",
		"metadata":{"lease":60},"targeting":{"if":[true,"on"]}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"flags":{"x":%s,"y":{"state":"ENABLED","variants":{"v":true},"defaultVariant":"v"}},"$quorate":{"incarnation":"a","epoch":1,"revision":%d}}`,
		f.DefinitionUntil(end), revision)
}

// A lease runs out by the server's account or by our clock, whichever is sooner;
// it is renewed without a change, and outlives no restart.
func TestALease(t *testing.T) {
	began := time.Now()
	var ahead atomic.Int64 // of the clock
	now := func() time.Time { return began.Add(time.Duration(ahead.Load())) }
	file := filepath.Join(t.TempDir(), "s")
	set := func(c *upstream.Config) { c.Now, c.File = now, file }
	s := newScript(t, leasedDocument(t, 1, began.Add(50*time.Second))) // ten seconds of it have passed at the server
	l := follow(t, s, set)
	l.wait("the first set", upstream.Connected)
	lapsed := func(d time.Duration) bool { return l.State().Lapsed(time.Minute, began.Add(d)) }
	if f, _ := l.State().Set.Flag("x"); f.Evaluate(nil, began.Add(time.Hour)).Variant != "on" {
		t.Error("the bound is still in the definition")
	}
	if lapsed(48*time.Second) || !lapsed(51*time.Second) || !lapsed(-time.Second) || l.State().Lapsed(0, began.Add(time.Hour)) {
		t.Error("the lease does not end with the server's account, or began in the future")
	}

	serial := l.State().Serial
	s.say(leasedDocument(t, 1, began.Add(90*time.Second)), nil)
	eventually(t, "the renewal", func() bool { return !lapsed(55 * time.Second) })
	if !lapsed(61 * time.Second) {
		t.Error("the lease lasts longer than a minute from when it came")
	}
	if l.State().Serial != serial || len(l.told()) != 1 {
		t.Errorf("a renewal was told as a change: %v", l.told())
	}

	l.forget()
	ahead.Store(int64(2 * time.Minute))
	if e := l.wait("it runs out", upstream.Applied); !slices.Equal(e.Keys, []string{"x"}) {
		t.Errorf("told %v", e.Keys)
	}
	l.forget()
	s.say(leasedDocument(t, 1, began.Add(3*time.Minute)), nil)
	if e := l.wait("it is renewed", upstream.Applied); !slices.Equal(e.Keys, []string{"x"}) {
		t.Errorf("told %v", e.Keys)
	}

	l.stop()
	s.stop()
	again := follow(t, s, set)
	st := again.State()
	if st == nil || st.Lapsed(time.Minute, now().Add(50*time.Second)) || !st.Lapsed(time.Minute, now().Add(61*time.Second)) || !st.Lapsed(time.Minute, began) {
		t.Errorf("from disk: %+v", st)
	}
}

// Options that cannot be meant are said.
func TestOptionsThatCannotBeMeant(t *testing.T) {
	for _, cfg := range []upstream.Config{{Now: time.Now}, {URL: "quorate:8013", Now: time.Now}, {URL: "ftp://quorate", Now: time.Now},
		{URL: "http://", Now: time.Now}, {URL: "http://quorate:8013"}} {
		if _, err := upstream.New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}
