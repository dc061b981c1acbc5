package tally

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWorkedExamples recounts small elections from the literature; each file
// names its source.
func TestWorkedExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/examples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Source, Outcome string
				Export          json.RawMessage
				Winners         []string
				Ranking         [][]string
				Paths           map[string]map[string]Rat
			}
			if err := json.Unmarshal(b, &want); err != nil || want.Source == "" {
				t.Fatalf("example without a source, or unreadable: %v", err)
			}
			e, err := ReadExport(bytes.NewReader(want.Export))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Recount(e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Winners, got.Winners); diff != "" {
				t.Errorf("winners (-want +got):\n%s", diff)
			}
			if got.Outcome != want.Outcome {
				t.Errorf("outcome %q, want %q", got.Outcome, want.Outcome)
			}
			if diff := cmp.Diff(want.Ranking, got.Ranking); want.Ranking != nil && diff != "" {
				t.Errorf("ranking (-want +got):\n%s", diff)
			}
			if want.Paths == nil {
				return
			}
			if diff := cmp.Diff(want.Paths, byPair(got.Pairs.Order, got.Pairs.Paths)); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
		})
	}
}
