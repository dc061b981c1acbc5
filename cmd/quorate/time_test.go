package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quorate/quorate/internal/client"
)

// clockFile names a file that says how far ahead of the machine's clock the programs
// of a script are. Only the test program knows of it: quorate itself has no such
// option.
const clockFile = "QUORATE_TEST_CLOCK"

// mainInItsTime is main, at the time of the script.
func mainInItsTime() {
	file := os.Getenv(clockFile)
	if file == "" {
		main()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], &cli{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv,
		now: func() time.Time { return time.Now().Add(aheadBy(file)) }}))
}

func aheadBy(file string) time.Duration {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	d, err := time.ParseDuration(strings.TrimSpace(string(raw)))
	if err != nil {
		panic(err) // a mistake in the script
	}
	return d
}

// later moves the script's clock on. The file is replaced at once, never half written.
func later(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.Getenv(clockFile)
	if file == "" {
		ts.Fatalf("the script has no clock: say `env %s=$WORK/clock` first", clockFile)
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(file+".new", []byte((aheadBy(file) + d).String()), 0o600))
	ts.Check(os.Rename(file+".new", file))
}

// awaits runs a command until its output matches: what the clerk does takes it a
// moment.
func awaits(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the output never had %s", args[0])
		}
	}
}

// votes has accounts cast the same ballot in a motion.
func votes(ts *testscript.TestScript, _ bool, args []string) {
	for _, account := range args[2:] {
		as(ts, false, []string{account})
		ts.Check(ts.Exec("quorate", "ballot", "cast", args[0], args[1]))
	}
}

// fillIn puts variables into a file.
func fillIn(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(file, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

// signIn does what `quorate login` and a browser do together, for each account.
func signIn(ts *testscript.TestScript, _ bool, args []string) {
	for _, account := range args {
		secret, err := signedInAs(ts.Getenv("QUORATE_URL"), account)
		if err != nil {
			ts.Fatalf("signing in as %s: %v", account, err)
		}
		ts.Setenv(tokenVariable(account), secret)
	}
}

func tokenVariable(account string) string {
	return "QUORATE_TOKEN_" + strings.ToUpper(strings.ReplaceAll(account, "-", "_"))
}

func signedInAs(server, account string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	const port = "65535" // nothing is asked there: the code is taken off the redirect
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Port() == port {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	asked := url.Values{"port": {port}, "challenge": {challenge}, "state": {state}}
	choose, err := browser.Get(server + "/sign-in/begin?" + url.Values{"return_to": {"/sign-in/command-line?" + asked.Encode()}}.Encode())
	if err != nil {
		return "", err
	}
	_ = choose.Body.Close() // which page it is, its address says
	at := choose.Request.URL
	chosen, err := browser.PostForm(at.Scheme+"://"+at.Host+at.Path, url.Values{"request": at.Query()["request"], "account": {account}})
	if err != nil {
		return "", err
	}
	_ = chosen.Body.Close()
	let, err := browser.PostForm(server+"/sign-in/command-line", asked)
	if err != nil {
		return "", err
	}
	_ = let.Body.Close()
	back, err := url.Parse(let.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("state") != state {
		return "", errors.New("the server answered " + let.Status)
	}
	c, err := client.New(server, "")
	if err != nil {
		return "", err
	}
	signed, err := c.RedeemSignIn(context.Background(), back.Query().Get("code"), verifier)
	return signed.Value.Secret, err
}
