package audit

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/identity"
)

// Accepting a restored backup begins a log of another name, which continues what
// was restored. What the old log had beyond that is lost, and a checkpoint that
// was kept of it tells how much: the entry with which the backup was accepted is
// the first one that the old log does not have.

// lifeOf is the store that an origin names, whatever its epoch.
func lifeOf(origin string) string {
	words := strings.Split(origin, "/")
	if len(words) < 2 || words[0] != "quorate" {
		return origin
	}
	return words[1]
}

// epochOf is the epoch of an origin; 1 if it names none.
func epochOf(origin string) int64 {
	words := strings.Split(origin, "/")
	if len(words) != 3 {
		return 1
	}
	n, _ := strconv.ParseInt(words[2], 10, 64)
	return n
}

// accepts is the epoch that began with a leaf, 0 if none did.
func accepts(l Leaf) int64 {
	if l.Action != identity.AcceptRestore || l.Result != Applied {
		return 0
	}
	for _, e := range l.Edits {
		var life struct {
			Epoch int64 `json:"epoch"`
		}
		if e.Path == "meta/incarnation" && json.Unmarshal(e.After, &life) == nil {
			return life.Epoch
		}
	}
	return 0
}

// lost compares the earlier checkpoint of another epoch with where its log ends
// in this one.
func (v *verifier) lost() error {
	e := v.earlier
	if e.Note == nil || e.Origin == v.verdict.Origin {
		return nil
	}
	if v.verdict.Restored == nil {
		return flaw(0, "earlier", "the earlier checkpoint is of %s and the file of %s, and no entry says that a restored backup was accepted in between", e.Origin, v.verdict.Origin)
	}
	if from := *v.verdict.Restored; e.Tree.N > from {
		return flaw(from, "lost", "a backup was restored: entries %d to %d of %s are lost, %d in all; entry %d is the acceptance of that",
			from, e.Tree.N-1, e.Origin, e.Tree.N-from, from)
	}
	return nil
}
