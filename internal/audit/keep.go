package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

// Kept is the newest checkpoint of a server that somebody apart from it keeps: a
// command line, an edge. Against whoever holds the signing key it is the only
// protection there is, and it grows with every one who keeps one.
type Kept struct {
	Checkpoint string `json:"checkpoint"` // a signed note; "": nothing is kept yet
	Key        string `json:"key"`        // that signed it, as signed notes write one
}

// LoadKept reads what is kept in a file; the zero Kept if there is none.
func LoadKept(file string) (k Kept, err error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &k)
	}
	if err == nil {
		_, err = k.open()
	}
	if err != nil {
		return Kept{}, fault.New(fault.Refused, "bad_kept_checkpoint", "the file %s, which keeps a checkpoint of the record, cannot be used", file).
			Do("look at what became of it; if you remove it, a rollback up to now goes unnoticed").Because(err)
	}
	return k, nil
}

// Save keeps it in a file of this user's alone, whole or not at all.
func (k Kept) Save(file string) error {
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Clean(file), append(raw, '\n'))
}

func (k Kept) open() (Checkpoint, error) {
	key, err := ParseVerifierKey(k.Key)
	if err != nil {
		return Checkpoint{}, err
	}
	return OpenCheckpoint([]byte(k.Checkpoint), key)
}

// Size is how many entries it vouches for.
func (k Kept) Size() int64 {
	c, err := parseCheckpoint([]byte(k.Checkpoint))
	if err != nil {
		return 0
	}
	return c.Tree.N
}

// Continue asks a server for its newest checkpoint, and for the proof that it
// continues the one that is kept. get reads a path of the server. If what it shows
// does not, the error is Refused and says what became of the record; what is kept is
// the evidence and stays as it is. The first checkpoint is taken on trust.
//
// After a restore that was accepted there is no such proof: the new checkpoint is
// returned together with the fault record_restored, for people to be told.
func (k Kept) Continue(ctx context.Context, get func(ctx context.Context, path string) ([]byte, error)) (Kept, error) {
	var key Key
	raw, err := get(ctx, "/api/v1/audit/key")
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(raw, &key); err != nil {
		return k, notShown("its key", err)
	}
	signed, err := get(ctx, "/audit/log/checkpoint")
	if err != nil {
		return k, err
	}
	next := Kept{Checkpoint: string(signed), Key: key.Key}
	now, err := next.open()
	if err != nil {
		return k, notShown("its checkpoint", err)
	}
	if k.Checkpoint == "" {
		return next, nil
	}
	before, err := k.open()
	if err != nil {
		return k, err
	}
	if err := k.sameKey(key, before.Origin); err != nil {
		return k, err
	}
	proof := tlog.TreeProof{}
	if before.Origin == now.Origin && 0 < before.Tree.N && before.Tree.N < now.Tree.N {
		if proof, err = consistency(ctx, get, before.Tree.N, now.Tree.N); err != nil {
			return k, err
		}
	}
	err = continues(before, now, proof)
	if err != nil && !fault.HasCode(err, "record_restored") {
		return k, err
	}
	return next, err
}

func notShown(what string, cause error) error {
	return fault.New(fault.Refused, "record_not_shown", "the server shows %s in a form in which it proves nothing", what).
		Do("compare an export with a checkpoint that somebody kept").Because(cause)
}

// sameKey follows one replacement of the key; whoever missed more is told.
func (k Kept) sameKey(key Key, origin string) error {
	old, err := ParseVerifierKey(k.Key)
	if err != nil {
		return err
	}
	next, err := ParseVerifierKey(key.Key)
	if err != nil {
		return notShown("its key", err)
	}
	if old.Equal(next) {
		return nil
	}
	if r := key.Replacement; r != nil && old.Equal(ed25519.PublicKey(r.Old)) && next.Equal(ed25519.PublicKey(r.New)) && r.check(lifeOf(origin)) == nil {
		return nil
	}
	return fault.New(fault.Refused, "key_not_endorsed", "the record is signed with the key %s, and the kept checkpoint with %s, which has not endorsed it", KeyID(next), KeyID(old)).
		Do("if the key was replaced more than once since, `quorate audit verify EXPORT --key %s` shows it; then remove what is kept", k.Key)
}

func consistency(ctx context.Context, get func(context.Context, string) ([]byte, error), from, to int64) (tlog.TreeProof, error) {
	raw, err := get(ctx, fmt.Sprintf("/api/v1/audit/consistency?from=%d&to=%d", from, to))
	if fault.HasCode(err, "bad_tiles") { // it cannot prove it
		return nil, rewritten(from)
	}
	if err != nil {
		return nil, err
	}
	var shown struct {
		Hashes []string `json:"hashes"`
	}
	if err := json.Unmarshal(raw, &shown); err != nil || len(shown.Hashes) > 2*maxProof {
		return nil, notShown("its proof", err)
	}
	proof := tlog.TreeProof{}
	for _, text := range shown.Hashes {
		h, err := parseHash(text)
		if err != nil {
			return nil, notShown("its proof", err)
		}
		proof = append(proof, h)
	}
	return proof, nil
}

// continues says what became of a record between two checkpoints of it; nil: it
// grew, as it must.
func continues(before, now Checkpoint, proof tlog.TreeProof) error {
	const do = "keep both checkpoints, tell the auditor, and compare an export with `quorate audit verify EXPORT --checkpoint KEPT`"
	switch {
	case lifeOf(before.Origin) != lifeOf(now.Origin):
		return fault.New(fault.Refused, "another_record", "the record is %s, and the kept checkpoint is of %s: it is another store", now.Origin, before.Origin).Do(do)
	case epochOf(before.Origin) > epochOf(now.Origin):
		return fault.New(fault.Refused, "record_rolled_back", "the record is %s, and the kept checkpoint is of %s: the store went back", now.Origin, before.Origin).Do(do)
	case before.Origin != now.Origin:
		return fault.New(fault.Refused, "record_restored", "a restored backup was accepted since %d entries of %s were kept; some of them may be lost", before.Tree.N, before.Origin).
			Do("`quorate audit verify EXPORT --checkpoint KEPT` tells which")
	case before.Tree.N > now.Tree.N:
		return fault.New(fault.Refused, "record_rolled_back", "the record had %d entries and has %d: it was rolled back, or this is an older checkpoint", before.Tree.N, now.Tree.N).Do(do)
	case before.Tree.N == now.Tree.N && before.Tree.Hash != now.Tree.Hash:
		return fault.New(fault.Refused, "record_forked", "two records of %d entries were signed: the record was forked", now.Tree.N).Do(do)
	case before.Tree.N == 0 || before.Tree.N == now.Tree.N:
		return nil
	case tlog.CheckTree(proof, now.Tree.N, now.Tree.Hash, before.Tree.N, before.Tree.Hash) != nil:
		return rewritten(before.Tree.N)
	}
	return nil
}

func rewritten(n int64) error {
	return fault.New(fault.Refused, "record_forked", "the record is not shown to continue the %d entries that the kept checkpoint vouches for: it was rewritten or forked", n).
		Do("keep both checkpoints, tell the auditor, and compare an export with `quorate audit verify EXPORT --checkpoint KEPT`")
}
