package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A View is a change that waits, or has waited, as it stands at this moment: what
// it would write, what policy says of it now, who has signed, and what is missing.
type View struct {
	Revision int64 `json:"revision"`
	Proposal
	Binding  string        `json:"binding"`         // what a sign-off given now would bind
	Now      Decision      `json:"now"`             // the decision at this moment
	Moved    []string      `json:"moved,omitempty"` // what it rests on and has changed since
	Missing  []Requirement `json:"missing,omitempty"`
	SignOffs []SignOff     `json:"sign_offs,omitempty"` // that count
	Void     []VoidSignOff `json:"void,omitempty"`      // that no longer count, and why
	Words    []string      `json:"words"`               // the diff in words
}

// Look shows a change. It asks nothing of the one who looks: see identity.Can.
func (g *Gate) Look(ctx context.Context, id string) (View, error) {
	tx := g.store.Draft(ctx)
	rec, err := getProposal(tx, id)
	if err != nil {
		return View{}, err
	}
	p := rec.Value
	v := View{Revision: rec.Revision, Proposal: p, Now: p.Decision}
	v.Plan = p.shown()
	v.Words = diffWords(v.Plan)
	if len(p.Veiled) > 0 {
		v.Request = nil
	}
	if !p.State.Open() {
		v.SignOffs, err = signoffsOf(tx, id)
		return v, err
	}
	at := g.now().UTC()
	e, err := g.examine(tx, rec, at)
	if err != nil {
		return v, err
	}
	v.Binding, v.Now, v.Moved, v.SignOffs, v.Void = e.binding, e.decision, e.moved, e.valid, e.void
	v.Missing = p.open(e.decision, e.valid, at)
	return v, nil
}

// MayLook lets a change be seen by its author and by whoever reads the record of its
// region.
func (p Proposal) MayLook(who identity.Principal) error {
	if who.Known() && who.ID == p.Author.ID {
		return nil
	}
	return identity.Can(who, identity.ReadRecord, identity.Target{Kind: "change", ID: p.ID, Region: p.Target.Region})
}

// shown is what a change would write, for those who may look: what is veiled by its
// digest.
func (p Proposal) shown() kv.Plan {
	plan := p.Plan
	plan.Edits = slices.Clone(plan.Edits)
	for i := range plan.Edits {
		plan.Edits[i].Edit = veil([]kv.Edit{plan.Edits[i].Edit}, p.Veiled)[0]
	}
	return plan
}

// A Filter says which changes to list; a zero field asks for nothing.
type Filter struct {
	State  State
	Region string
	Author string // id
	ForMe  []identity.Grant
}

// maxListed is how many changes one list has, the newest first.
const maxListed = 500

// List lists the changes that wait or have waited lately, the newest first, as they
// are stored: their decision is the one of their edition.
func (g *Gate) List(ctx context.Context, f Filter) ([]Proposal, error) {
	found, _, err := kv.ListSound(g.store.View(ctx), changes)
	if err != nil {
		return nil, err
	}
	var list []Proposal
	for _, e := range found {
		if f.wants(e.Value) {
			e.Value.Plan = e.Value.shown()
			list = append(list, e.Value)
		}
	}
	slices.SortFunc(list, func(a, b Proposal) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), maxListed)], nil
}

func (f Filter) wants(p Proposal) bool {
	asked := func(r Requirement) bool { return r.servableBy(f.ForMe) }
	return (f.State == "" && p.State.Open() || f.State == p.State || f.State == "all") &&
		(f.Region == "" || f.Region == p.Target.Region) &&
		(f.Author == "" || f.Author == p.Author.ID) &&
		(f.ForMe == nil || slices.ContainsFunc(p.Decision.Require, asked))
}

// maxWords bounds a diff in words; the data is there for the rest.
const maxWords = 60

// diffWords says what a plan would change, field by field.
func diffWords(p kv.Plan) []string {
	var words []string
	for _, e := range p.Edits {
		switch {
		case e.Before == nil:
			words = append(words, e.Path+" is created")
		case e.After == nil:
			words = append(words, e.Path+" is removed")
			continue
		default:
			words = append(words, e.Path+" is changed")
		}
		before, after := flatten(e.Before), flatten(e.After)
		keys := slices.Sorted(maps.Keys(merged(before, after)))
		for _, key := range keys {
			was, is := before[key], after[key]
			switch {
			case was == is:
			case was == "":
				words = append(words, fmt.Sprintf("  %s: %s", key, is))
			case is == "":
				words = append(words, fmt.Sprintf("  %s: no longer %s", key, was))
			default:
				words = append(words, fmt.Sprintf("  %s: %s, before %s", key, is, was))
			}
		}
	}
	if len(words) > maxWords {
		words = append(words[:maxWords], fmt.Sprintf("and %d lines more", len(words)-maxWords))
	}
	return words
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// flatten names every leaf of a JSON value by its path.
func flatten(raw json.RawMessage) map[string]string {
	flat := map[string]string{}
	var value any
	if raw == nil || json.Unmarshal(raw, &value) != nil {
		return flat
	}
	flattenInto(flat, "", value)
	return flat
}

const longValue = 200

func flattenInto(flat map[string]string, at string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			flattenInto(flat, strings.TrimPrefix(at+"."+key, "."), inner)
		}
	default:
		raw, err := json.Marshal(v)
		if err != nil { // it came from JSON
			panic(err)
		}
		text := strings.Trim(string(raw), `"`)
		if runes := []rune(text); len(runes) > longValue {
			text = string(runes[:longValue]) + "…"
		}
		flat[at] = text
	}
}
