package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// outcome is what a run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

// runWith runs the program as main does, with an environment of its own.
func runWith(t *testing.T, env map[string]string, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, &cli{
		stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr, now: time.Now,
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	return outcome{code, stdout.String(), stderr.String()}
}

// The first place that says anything counts: option, environment, file, default.
// It holds for words, lists, times and switches alike.
func TestWhereAnOptionIsSet(t *testing.T) {
	type seen struct {
		Word string
		List []string
		Time time.Duration
		Yes  bool
		N    int
	}
	defaults := seen{Word: "default", List: []string{"d"}, Time: time.Second}
	for _, c := range []struct {
		what string
		file string
		env  map[string]string
		args []string
		want seen
	}{
		{"nothing is said", "", nil, nil, defaults},
		{
			"the file", "word: file\nlist: [f, g]\ntime: 2s\nyes: true\nn: 2\n", nil, nil,
			seen{"file", []string{"f", "g"}, 2 * time.Second, true, 2},
		},
		{"one word is a list of one", "list: f\n", nil, nil, seen{Word: "default", List: []string{"f"}, Time: time.Second}},
		{"a number is a word too", "word: 12\n", nil, nil, seen{Word: "12", List: []string{"d"}, Time: time.Second}},
		{
			"the environment over the file", "word: file\nlist: [f]\nyes: true\n",
			map[string]string{"QUORATE_WORD": "env", "QUORATE_LIST": "e,v", "QUORATE_YES": "false", "QUORATE_TIME": "3s", "QUORATE_N": "3"},
			nil,
			seen{"env", []string{"e", "v"}, 3 * time.Second, false, 3},
		},
		{
			"an empty variable is not set", "word: file\n",
			map[string]string{"QUORATE_WORD": "", "QUORATE_LIST": ""},
			nil,
			seen{Word: "file", List: []string{"d"}, Time: time.Second},
		},
		{
			"the option over all", "word: file\nlist: [f]\n",
			map[string]string{"QUORATE_WORD": "env", "QUORATE_LIST": "e"},
			[]string{"--word=option", "--list", "o,p", "--list", "q"},
			seen{Word: "option", List: []string{"o", "p", "q"}, Time: time.Second},
		},
		{"an option that is set to nothing", "word: file\n", nil, []string{"--word="}, seen{Word: "", List: []string{"d"}, Time: time.Second}},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := defaults
			cmd := &cobra.Command{Use: "probe", RunE: func(*cobra.Command, []string) error { return nil }}
			f := cmd.Flags()
			f.StringVar(&got.Word, "word", got.Word, "")
			f.StringSliceVar(&got.List, "list", got.List, "")
			f.DurationVar(&got.Time, "time", got.Time, "")
			f.BoolVar(&got.Yes, "yes", false, "")
			f.IntVar(&got.N, "n", 0, "")
			file := filepath.Join(t.TempDir(), "options.yaml")
			write(t, file, c.file, 0o600)
			root := newRoot(&cli{
				stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{},
				env: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok },
			})
			root.AddCommand(cmd)
			root.SetArgs(append([]string{"probe", "--config", file}, c.args...))
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

// A token is only accepted from a file that its owner alone can read, and no
// message repeats it, wherever it stands.
func TestATokenIsKept(t *testing.T) {
	const secret = "qrt_secret"
	dir := t.TempDir()
	for mode, refused := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o620: true, 0o666: true} {
		file := filepath.Join(dir, mode.String()[1:])
		write(t, file, "token: "+secret+"\n", mode)
		got := runWith(t, nil, "", "version", "--config", file)
		if refused != (got.code == 2) {
			t.Errorf("mode %o: %+v", mode, got)
		}
		got = runWith(t, nil, "", "board", "--url", "http://127.0.0.1:1", "--config", file)
		if strings.Contains(got.stdout+got.stderr, secret) {
			t.Errorf("the token was printed: %+v", got)
		}
	}
	for what, got := range map[string]outcome{
		"an option":         runWith(t, nil, "", "board", "--url", "http://127.0.0.1:1", "--token", secret),
		"a variable":        runWith(t, map[string]string{"QUORATE_TOKEN": secret, "QUORATE_URL": "http://127.0.0.1:1"}, "", "board"),
		"help":              runWith(t, map[string]string{"QUORATE_TOKEN": secret}, "", "board", "--help"),
		"root":              runWith(t, map[string]string{"QUORATE_TOKEN": secret}, ""),
		"a bad one":         runWith(t, nil, "", "board", "--token", secret+" x"),
		"an unknown option": runWith(t, nil, "", "board", "--tokem", secret),
	} {
		if strings.Contains(got.stdout+got.stderr, secret) {
			t.Errorf("%s: the token was printed: %+v", what, got)
		}
	}
}

// Every option can be set everywhere, so no two commands may use one name for
// values of different types: a file could not serve both. Lists and words are
// close enough, since one word is a list of one.
func TestOneNameHasOneMeaning(t *testing.T) {
	types := map[string]string{}
	everyCommand(newRoot(&cli{}), func(cmd *cobra.Command) {
		for name := range optionNames(cmd) {
			o := cmd.Flag(name)
			if o == nil {
				continue
			}
			kind := strings.TrimSuffix(o.Value.Type(), "Slice")
			if was, ok := types[name]; ok && was != kind {
				t.Errorf("--%s of %s takes a %s, elsewhere a %s", name, cmd.CommandPath(), kind, was)
			}
			types[name] = kind
		}
	})
}

// Whoever reads a command's help finds what to type.
func TestEveryCommandIsExplained(t *testing.T) {
	everyCommand(newRoot(&cli{}), func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: its line is %q", cmd.CommandPath(), cmd.Short)
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if len(line) > 121 {
				t.Errorf("%s: a line of %d characters: %s", cmd.CommandPath(), len(line), line)
			}
		}
	})
}

func TestReadingAContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "context.json")
	write(t, file, `{"from": "file"}`, 0o600)
	for _, c := range []struct{ given, stdin, want, wrong string }{
		{"", "", "", ""},
		{`{"a": 1}`, "", `{"a": 1}`, ""},
		{"@" + file, "", `{"from": "file"}`, ""},
		{"-", `{"from": "stdin"}`, `{"from": "stdin"}`, ""},
		{`{"secret": `, "", "", "not a JSON object"},
		{`["secret"]`, "", "", "not a JSON object"},
		{`null`, "", "", "not a JSON object"},
		{`{"secret": 1} {}`, "", "", "not a JSON object"},
		{"-", "", "", "not a JSON object"},
		{"@" + file + "x", "", "", "no such file"},
		{"-", `{"secret": "` + strings.Repeat("x", maxFile) + `"}`, "", "has more than"},
	} {
		o := contextOption{c.given}
		got, err := o.read(&cli{stdin: strings.NewReader(c.stdin)})
		if string(got) != c.want || (err == nil) != (c.wrong == "") {
			t.Errorf("%q: got %q, %v", c.given, got, err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%.20q: the error is %q", c.given, err)
		}
	}
}

func TestReadingARecord(t *testing.T) {
	for _, c := range []struct {
		file, want string
		revision   int64
		wrong      string
	}{
		{"key: co\nname: Colorado\n", `{"key": "co", "name": "Colorado"}`, 0, ""},
		{`{"key": "co", "list": [1, 2.5, true, null]}`, `{"key": "co", "list": [1, 2.5, true, null]}`, 0, ""},
		{"revision: 7\nvalue: {key: co}\n", `{"key": "co"}`, 7, ""},
		{"revision: 7\nvalue: {key: co}\nmore: 1\n", `{"revision": 7, "value": {"key": "co"}, "more": 1}`, 0, ""},
		{"off: 0\nzone: 2027-01-31\nyes: no\n", `{"off": 0, "zone": "2027-01-31", "yes": "no"}`, 0, ""},
		{"- a\n", "", 0, "not a list of `field: value`"},
		{"", "", 0, "empty"},
		{"a: [\n", "", 0, "line 1"},
		{"a: 1\n---\na: 2\n", "", 0, "more than one document"},
		{"a: .inf\n", "", 0, "no word for"},
	} {
		got, revision, err := (&cli{stdin: strings.NewReader(c.file)}).readRecord("-")
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q: %v, want %q", c.file, err, c.wrong)
			}
			continue
		}
		if err != nil || strings.TrimSpace(string(got)) != c.want || revision != c.revision {
			t.Errorf("%q: %s at %d, %v", c.file, got, revision, err)
		}
	}
}

func TestParsingAnExpiry(t *testing.T) {
	now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"720h":                 "2026-10-31T12:00:00Z",
		"30d":                  "2026-10-31T12:00:00Z",
		"90m":                  "2026-10-01T13:30:00Z",
		"2027-01-31":           "2027-01-31T00:00:00Z",
		"2027-01-31T08:00:00Z": "2027-01-31T08:00:00Z",
		"":                     "",
		"soon":                 "",
		"-d":                   "",
		"31.1.2027":            "",
		"2027-02-30":           "",
	} {
		got, err := parseExpiry(text, now)
		if want == "" {
			if err == nil {
				t.Errorf("%q is taken for %v", text, got)
			}
		} else if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
