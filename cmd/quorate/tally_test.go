package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	smallBudget = "META\nkey;value\ndescription;Small\nbudget;100\nvote_type;approval\nrule;greedy\n" +
		"PROJECTS\nproject_id;cost;name\n1;60;One\n2;50;Two\n3;40;Three\nVOTES\nvoter_id;vote;ward\nx;1,2;north\ny;1;north\nz;3;south\nw;3,2;south\n"
	smallSTV = "3 1\n4 1 2 0\n3 2 1 0\n2 3 2 0\n0\n\"Ada\"\n\"Ben\"\n\"Cem\"\n\"Chair\"\n"
)

// tallied runs the command as the program does, without a server.
func tallied(t *testing.T, output string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := &cli{stdin: strings.NewReader(smallBudget), stdout: &out, stderr: &out, output: output}
	cmd := newTallyCommand(c)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func election(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTally reads like the command's manual: what is said, and what is answered.
func TestTally(t *testing.T) {
	pb, blt := election(t, "small.pb", smallBudget), election(t, "small.blt", smallSTV)
	export := filepath.Join("..", "..", "governance", "tally", "testdata", "portfolio12.json")
	for _, c := range []struct {
		name string
		args []string
		want []string // all of them are in the output, or in the error
		fail bool
	}{
		{"the rule that the file names", []string{pb}, []string{"Counted by greedy_votes, version 1.", "1. Three", "2. Two", "result  sha256:"}, false},
		{"another rule", []string{pb, "--rule", "equal_shares_cost_add1", "--ties", "cost,votes,lot=1"}, []string{"Counted by equal_shares_cost_add1", "Round 1: Three."}, false},
		{"regions from a column", []string{pb, "--rule", "equal_shares_cost", "--region-column", "ward"}, []string{"By region: south 40"}, false},
		{"another budget", []string{pb, "--budget", "45"}, []string{"for 40 of a budget of 45"}, false},
		{"standard input", []string{"-"}, []string{"1. Three"}, false},
		{"a BLT file", []string{blt, "--rule", "irv"}, []string{"1. Ben"}, false},
		{"an export, with its explanation", []string{export}, []string{"A share is not a member's own money.", "Not funded:", "input   sha256:"}, false},
		{"the rehearsal of a charter", []string{export, "--rehearse"}, []string{"not for judging a result", "had this region abstained"}, false},
		{"no such file", []string{"none.pb"}, []string{"none.pb cannot be read", "check its name"}, true},
		{"no rule", []string{blt}, []string{"the file names no rule", "say --rule with one of motion"}, true},
		{"no such rule", []string{pb, "--rule", "best"}, []string{`no rule is called "best"`}, true},
		{"no election", []string{election(t, "x.txt", "hello")}, []string{"cannot be read as an election", "give an export"}, true},
		{"no amount", []string{pb, "--budget", "much"}, []string{`--budget "much" is not an amount above 0`}, true},
		{"no seats", []string{blt, "--rule", "irv", "--seats", "-1"}, []string{"--seats is -1"}, true},
		{"no such step", []string{pb, "--ties", "coin"}, []string{`"coin" is not a step`, "lot=SEED"}, true},
		{"a lot without seed", []string{pb, "--ties", "cost,lot"}, []string{"the lot has no seed"}, true},
		{"a tie that nothing decides", []string{election(t, "tie.pb", strings.Replace(smallBudget, "2;50;Two", "2;60;Two", 1)), "--rule", "equal_shares_cost", "--budget", "200", "--ties", "cost,votes"},
			[]string{"tie for funding between 1, 2", "draw a lot or ask the chair"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := tallied(t, "table", c.args...)
			if (err != nil) != c.fail {
				t.Fatalf("error %v; output:\n%s", err, out)
			}
			if err != nil {
				out = err.Error()
			}
			for _, part := range c.want {
				if !strings.Contains(out, part) {
					t.Errorf("%q is not in:\n%s", part, out)
				}
			}
		})
	}
}

// TestTallyJSON: the same for programs, and twice the same.
func TestTallyJSON(t *testing.T) {
	pb := election(t, "small.pb", smallBudget)
	first, err := tallied(t, "json", pb)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Digest string `json:"result_digest"`
		Result struct {
			Winners []string `json:"winners"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Result.Winners) != 2 || !strings.HasPrefix(got.Digest, "sha256:") {
		t.Errorf("got %+v", got)
	}
	if again, _ := tallied(t, "json", pb); again != first {
		t.Error("counted twice, the answers differ")
	}
}
