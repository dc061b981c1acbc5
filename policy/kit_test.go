package policy

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

var prepared = sync.OnceValues(func() (*Engine, error) { return Default(context.Background()) })

func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func law(t testing.TB) *Bundle { return engine(t).Bundle() }

// shared finds the regulations that the tests are held to, beside the module.
func shared(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("QUORATE_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "regulations", name))
	switch {
	case err == nil:
		return raw
	case os.Getenv("CI") == "true":
		t.Fatalf("the regulations are not there (set QUORATE_SHARED): %v", err)
	default:
		t.Skipf("the regulations are not there (set QUORATE_SHARED): %v", err)
	}
	return nil
}

// object reads a JSON object written in a test.
func object(t testing.TB, text string) map[string]any {
	t.Helper()
	if text == "" {
		return nil
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}
