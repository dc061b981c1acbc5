package tally

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// vectors returns the path of published election data, which lives beside the
// checkout (QUORATE_SHARED says where, ../shared of the module otherwise).
// Where it is missing the test fails under continuous integration and is
// skipped elsewhere.
func vectors(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("QUORATE_SHARED")
	if root == "" {
		root = filepath.Join(moduleRoot(t), "..", "shared")
	}
	path := filepath.Join(append([]string{root, "voting", "vectors"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("voting vectors are missing: %v (set QUORATE_SHARED)", err)
		}
		t.Skipf("voting vectors are not beside the checkout: %v", err)
	}
	return path
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// readJSON decodes a vector file into v.
func readJSON(t testing.TB, v any, elem ...string) {
	t.Helper()
	b, err := os.ReadFile(vectors(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", filepath.Join(elem...), err)
	}
}
