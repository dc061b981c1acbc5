package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

// serve answers for a shelf as a server does, with the replacement of its key.
func (s *shelf) serve(r *Replacement) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, path string) ([]byte, error) {
		c, vkey, err := s.Checkpoint(ctx)
		if err != nil {
			return nil, err
		}
		at, err := url.Parse(path)
		if err != nil {
			return nil, err
		}
		switch at.Path {
		case "/api/v1/audit/key":
			return json.Marshal(Key{Key: vkey, Replacement: r})
		case "/audit/log/checkpoint":
			return c.Note, nil
		}
		var from, to int64
		if _, err := fmt.Sscanf(at.RawQuery, "from=%d&to=%d", &from, &to); err != nil {
			return nil, err
		}
		stored := map[int64]tlog.Hash{}
		read := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
			for _, i := range at {
				out = append(out, stored[i])
			}
			return out, nil
		})
		next := int64(0)
		for i := range to {
			hashes, err := tlog.StoredHashes(i, s.records[i].Data(), read)
			if err != nil {
				return nil, err
			}
			for _, h := range hashes {
				stored[next] = h
				next++
			}
		}
		proof, err := tlog.ProveTree(to, from, read)
		if err != nil {
			return nil, err
		}
		var shown []string
		for _, h := range proof {
			shown = append(shown, h.String())
		}
		return json.Marshal(map[string]any{"hashes": shown})
	}
}

func TestWhoKeepsACheckpointFindsWhatBecameOfTheRecord(t *testing.T) {
	of := func(change func(*shelf)) *shelf {
		s := newShelf(20)
		change(s)
		return s
	}
	rewritten := of(func(s *shelf) { s.records[3] = newRecord(s.records[3].Revision, 1, mustJSON(leafNumber(333))) })
	handed, err := endorse(lifeOf(newShelf(1).origin), testKey(1), testKey(2))
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := endorse(lifeOf(newShelf(1).origin), testKey(3), testKey(2))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		kept, now *shelf
		by        *Replacement
		code      string // "": it goes on
		taken     bool   // the new checkpoint is kept
	}{
		"it grew":                              {kept: newShelf(20).upTo(7), now: newShelf(20), taken: true},
		"it is the same":                       {kept: newShelf(20), now: newShelf(20), taken: true},
		"it was empty":                         {kept: newShelf(20).upTo(0), now: newShelf(20), taken: true},
		"it was rolled back":                   {kept: newShelf(20), now: newShelf(20).upTo(19), code: "record_rolled_back"},
		"it was rewritten, and grew":           {kept: newShelf(20).upTo(7), now: rewritten, code: "record_forked"},
		"it was forked":                        {kept: newShelf(20), now: rewritten, code: "record_forked"},
		"what was kept is older than the fork": {kept: newShelf(20).upTo(3), now: rewritten, taken: true},
		"it is another store":                  {kept: newShelf(20), now: of(func(s *shelf) { s.origin = "quorate/00000000-0000-4000-8000-000000000002" }), code: "another_record"},
		"a restore was accepted":               {kept: newShelf(20), now: of(func(s *shelf) { s.origin += "/1772000000"; s.size = 9 }), code: "record_restored", taken: true},
		"it is of an epoch before":             {kept: of(func(s *shelf) { s.origin += "/1772000000" }), now: newShelf(20), code: "record_rolled_back"},
		"the key was replaced":                 {kept: newShelf(20).upTo(7), now: of(func(s *shelf) { s.key = testKey(2) }), by: &handed, taken: true},
		"the key is another":                   {kept: newShelf(20).upTo(7), now: of(func(s *shelf) { s.key = testKey(2) }), code: "key_not_endorsed"},
		"the key is endorsed by another":       {kept: newShelf(20).upTo(7), now: of(func(s *shelf) { s.key = testKey(2) }), by: &stolen, code: "key_not_endorsed"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kept", "one.json")
			first, err := Kept{}.Continue(t.Context(), c.kept.serve(nil))
			if err != nil {
				t.Fatal(err)
			}
			if err := first.Save(file); err != nil {
				t.Fatal(err)
			}
			kept, err := LoadKept(file)
			if err != nil || kept != first {
				t.Fatalf("kept %+v, %v", kept, err)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			next, err := kept.Continue(t.Context(), c.now.serve(c.by))
			if (err == nil) != (c.code == "") || c.code != "" && !fault.HasCode(err, c.code) {
				t.Errorf("want %q, got %v", c.code, err)
			}
			if want := string(c.now.note()); (next.Checkpoint == want) != c.taken && want != kept.Checkpoint || !c.taken && next != kept {
				t.Errorf("kept then: %+v", next)
			}
		})
	}
}

func TestAKeptCheckpointThatWasSpoiledIsNotForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kept.json")
	kept, err := Kept{}.Continue(t.Context(), newShelf(5).serve(nil))
	if err != nil {
		t.Fatal(err)
	}
	kept.Checkpoint = strings.Replace(kept.Checkpoint, "\n5\n", "\n4\n", 1)
	if err := kept.Save(file); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKept(file); !fault.HasCode(err, "bad_kept_checkpoint") {
		t.Errorf("a checkpoint that nobody signed: %v", err)
	}
}
