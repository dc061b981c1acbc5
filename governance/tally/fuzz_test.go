package tally

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzBallots counts whatever can be read as an export by every rule for
// motions, alternatives and seats, and explains it. Nothing may panic, and
// every ballot that was not counted as it stood is among the problems.
func FuzzBallots(f *testing.F) {
	for _, e := range explained() {
		e.Format = ExportFormat
		b, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, ballots := range []string{
		`[{"ranks":[["A","A"],[],["Z"],[""],["B","C"]]},{"ranks":null},{}]`,
		`[{"count":-5,"approves":["A","A","Z"]},{"count":9223372036854775807,"ranks":[["A"]]}]`,
		`[{"weight":"1/3","points":{"A":9223372036854775807,"Z":1},"vote":"perhaps"}]`,
		`[{"weight":"99999999999999999999/7","approves":["B"],"ranks":[["C"],["A"]],"vote":"yes"}]`,
		`[{"voter":"m1","vote":"yes"},{"voter":"m1","proxy":"m2","vote":"no"},{"voter":"x","vote":"object"}]`,
		`[{"key":"r","ranks":[["A"]]},{"key":"r","ranks":[["B"]]}]`,
	} {
		f.Add([]byte(`{"format":"quorate-tally/1","seats":2,"alternatives":[{"key":"A"},{"key":"B"},{"key":"C"}],` +
			`"roll":[{"key":"m1","region":"N"},{"key":"m2","weight":"0"}],"ballots":` + ballots + `}`))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ReadExport(strings.NewReader(string(raw)))
		if err != nil || len(e.Alternatives) > 12 || len(e.Ballots) > 40 || len(raw) > 20_000 {
			return
		}
		for _, name := range votingRules() {
			tryRule(t, e, name)
		}
	})
}

func tryRule(t *testing.T, e Export, name string) {
	e.Rule, e.Version = name, 0
	if name == "motion" && e.Motion == nil {
		e.Motion = &MotionRule{Threshold: TwoThirds, Quorum: Frac(1, 2), Proxies: 1}
	}
	if e.RCTab == nil {
		e.RCTab = &RCTabRules{Mode: SeatsAtOnce, Overvote: OvervoteExhaustsIfOpen, Decimals: 4}
	}
	r, err := Recount(e)
	if err != nil {
		return
	}
	if _, err := r.Digest(); err != nil {
		t.Fatalf("%s: digest: %v", name, err)
	}
	_ = Text(r)
	if err := wellFormed(SVG(r)); err != nil {
		t.Fatalf("%s: drawing: %v", name, err)
	}
}

// FuzzBLT reads anything, or says in which line it cannot.
func FuzzBLT(f *testing.F) {
	f.Add("3 2\n4 1 2 0\n2 3 0\n0\n\"Castor\"\n\"Pollux\"\n\"Helen\"\n\"Title\"\n")
	f.Add("3 2\n[nick a b c]\n[withdrawn 2]\n5 a b=c 0\n1 - c 0\n0\n\"A\"\n\"B\"\n\"C\"\n\"T\"\nfree text\n")
	f.Add("2 1\n-2\n(id) 1 1\n2 0 # goes on\n0\n\"A\"\n\"B\"\n")
	f.Add("2 1\n1 1 0\n0\n\"\xff\x01\"\n\"B\"\n") // a name that is not text
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ReadBLT(strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "BLT") {
				t.Fatalf("error does not say where: %v", err)
			}
			return
		}
		if len(e.Alternatives) > 12 || len(e.Ballots) > 40 {
			return
		}
		tryRule(t, e, "stv_scottish")
		tryRule(t, e, "stv_meek")
	})
}

// FuzzRat checks the fast path of the arithmetic against math/big.
func FuzzRat(f *testing.F) {
	f.Add(int64(1), int64(3), int64(-9223372036854775807), int64(9223372036854775807))
	f.Add(int64(-9223372036854775808), int64(-9223372036854775808), int64(1), int64(2))
	f.Fuzz(func(t *testing.T, a, b, c, d int64) {
		if b == 0 || d == 0 {
			return
		}
		x, y := Frac(a, b), Frac(c, d)
		bx, by := x.Big(), y.Big()
		check := func(what string, got Rat, want string) {
			t.Helper()
			if got.String() != want {
				t.Errorf("%s %s %s = %s, want %s", x, what, y, got, want)
			}
			back, err := ParseRat(got.String())
			if err != nil || !back.Equal(got) {
				t.Errorf("%s does not read back: %v", got, err)
			}
		}
		check("+", x.Add(y), x.Big().Add(bx, by).RatString())
		check("-", x.Sub(y), x.Big().Sub(bx, by).RatString())
		check("*", x.Mul(y), x.Big().Mul(bx, by).RatString())
		if y.Sign() != 0 {
			check("/", x.Quo(y), x.Big().Quo(bx, by).RatString())
		}
		if got, want := x.Cmp(y), bx.Cmp(by); got != want {
			t.Errorf("%s compared with %s: %d, want %d", x, y, got, want)
		}
	})
}

func TestReadBLTErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "the file is empty",
		"3\n":                        "BLT line 1: want the number of candidates and of seats",
		"3 4\n":                      "no more seats than candidates",
		"2 1\n1 3 0\n":               `BLT line 2: "3" is no candidate's number from 1 to 2`,
		"2 1\nx 1 0\n":               `weight "x"`,
		"2 1\n1 2 0\n":               `do not end with a line "0"`,
		"2 1\n1 2 0\n0\n\"A\"\n":     "1 names for 2 candidates",
		"2 1\n1 2 0\n0\nA\n":         "want a name in quotation marks",
		"2 1\n[withdrawn 9]\n0\n":    "no candidate's number",
		"99999999 1\n1 1 0\n0\nA\n":  "candidates",
		"2 1\n(name) 0\n0\n\"A\"\n":  "a ballot without a weight",
		"2 1\n1 1=9 0\n0\n\"A\"\n\n": "no candidate's number",
	} {
		if _, err := ReadBLT(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not say %q", text, err, want)
		}
	}
}

// TestWithdrawn: a withdrawn candidate is on neither paper nor ballots.
func TestWithdrawn(t *testing.T) {
	e, err := ReadBLT(strings.NewReader("3 1\n-2\n2 2 1 0\n1 3 2=1 0\n0\n\"A\"\n\"B\"\n\"C\"\n\"T\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := canonical(e); !strings.Contains(string(got), `"ballots":[{"count":2,"key":"","ranks":[["1"]]},{"count":1,"key":"","ranks":[["3"],["1"]]}]`) {
		t.Errorf("read %s", got)
	}
}

// TestNoFloats: nothing a count depends on is a floating-point number.
func TestNoFloats(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"float64", "float32", "math/rand"} {
			if strings.Contains(string(b), word) {
				t.Errorf("%s mentions %s", name, word)
			}
		}
	}
}
