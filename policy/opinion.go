package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
)

// advised is the engine with counsel's opinions in the records they answer. One that
// was given on another content of its rule counts for nothing. The revision then says
// that opinions were heard: the same revision always decides the same.
func (e *Engine) advised(given []GivenOpinion) *Engine {
	b := *e.bundle
	b.Records = maps.Clone(e.bundle.Records)
	var heard []GivenOpinion
	for _, g := range given {
		r := e.bundle.Records[g.RuleID]
		if r == nil || r.Digest() != g.RuleDigest {
			continue
		}
		if with, ok := b.Records[g.RuleID].advised(g); ok {
			b.Records[g.RuleID] = with
			heard = append(heard, g)
		}
	}
	if len(heard) == 0 {
		return e
	}
	raw, _ := json.Marshal(heard) // text and days always marshal
	sum := sha256.Sum256(append([]byte(b.Revision), raw...))
	b.Revision = hex.EncodeToString(sum[:])
	return e.over(&b)
}

// advised is a record with one opinion in its place.
func (r *Record) advised(g GivenOpinion) (*Record, bool) {
	with := *r
	if with.registered == nil {
		with.registered = r
	}
	if g.Relaxation == "" {
		with.Opinion = &g.Opinion
		return &with, true
	}
	with.Relaxations = slices.Clone(r.Relaxations)
	for i := range with.Relaxations {
		if with.Relaxations[i].ID == g.Relaxation {
			with.Relaxations[i].Opinion = &g.Opinion
			return &with, true
		}
	}
	return nil, false
}

// over is the engine with a bundle of the same rules, whose records say more.
func (e *Engine) over(b *Bundle) *Engine {
	with := *e
	with.bundle, with.guards = b, &memory{} // what the rules find is the same, what follows is not
	return &with
}
