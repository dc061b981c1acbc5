package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// An examination is how a change that waits stands at a moment: what has moved
// below it, what policy says of it now, and which sign-offs still bind.
type examination struct {
	moved    []string // paths and prefixes whose base is no longer what it was
	author   error    // why its author may no longer do it; nil if it may
	decision Decision
	binding  string
	valid    []SignOff
	void     []VoidSignOff
}

// A VoidSignOff no longer counts, and why.
type VoidSignOff struct {
	SignOff
	Why string `json:"why"`
}

// examine decides on a change anew. If nothing has moved, tx holds afterwards what
// the change would write; the caller keeps that or discards it.
func (g *Gate) examine(tx *kv.Tx, rec kv.Record[Proposal], at time.Time) (e examination, err error) {
	p := rec.Value
	if p.State == Emergency {
		e.moved, err = movedSince(tx, rec)
	} else {
		e.moved, err = tx.Replay(p.Plan)
	}
	if err != nil {
		return e, err
	}
	e.author = g.stillMay(p, at)
	e.decision = p.Decision
	if len(e.moved) == 0 {
		if e.decision, err = g.ask(tx, p.asChange(at)); err != nil {
			return e, err
		}
	}
	if e.binding, err = p.binding(e.decision); err != nil {
		return e, err
	}
	all, err := signoffsOf(tx, p.ID)
	if err != nil {
		return e, err
	}
	for _, s := range all {
		why := e.voids(p, s)
		if why == "" {
			s.Grants = g.stillHeld(s, at)
			if s.As = e.decision.rolesOf(s.Grants); len(s.As) == 0 {
				why = s.By.Name + " no longer holds a role that is asked for"
			}
		}
		if why != "" {
			e.void = append(e.void, VoidSignOff{s, why})
		} else {
			e.valid = append(e.valid, s)
		}
	}
	return e, nil
}

// stillHeld is what whoever signed holds, by now, of what it held when signing: nothing
// if it is let in no more.
func (g *Gate) stillHeld(s SignOff, at time.Time) []identity.Grant {
	if g.standing == nil {
		return s.Grants
	}
	now, err := g.standing(identity.Principal{ID: s.By.ID, Name: s.By.Name, Grants: s.Grants}, at)
	if err != nil {
		return nil
	}
	var left []identity.Grant
	for _, h := range s.Grants {
		h.Regions = slices.DeleteFunc(slices.Clone(h.Regions), func(region string) bool {
			return !slices.ContainsFunc(now.Grants, func(n identity.Grant) bool {
				return n.Role == h.Role && (slices.Contains(n.Regions, identity.Every) || slices.Contains(n.Regions, region))
			})
		})
		if len(h.Regions) > 0 {
			left = append(left, h)
		}
	}
	return left
}

// rolesOf lists the roles that a decision asks for among these grants.
func (d Decision) rolesOf(grants []identity.Grant) []string {
	var roles []string
	for _, r := range d.Require {
		if role := string(r.Role); r.servableBy(grants) && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	return roles
}

// movedSince lists what an emergency wrote and others have changed since. The
// change and what it wrote were created in one transaction.
func movedSince(tx *kv.Tx, rec kv.Record[Proposal]) (moved []string, err error) {
	for _, e := range rec.Value.Plan.Edits {
		revision, err := tx.RevisionOf(e.Path)
		if err != nil {
			return nil, err
		}
		if revision != rec.Created {
			moved = append(moved, e.Path)
		}
	}
	return moved, nil
}

// voids says why a sign-off no longer counts, "" if it does.
func (e examination) voids(p Proposal, s SignOff) string {
	switch {
	case s.Edition != p.Edition:
		return fmt.Sprintf("it was for edition %d, and the author has made edition %d since", s.Edition, p.Edition)
	case len(e.moved) > 0:
		return "the base has moved: " + strings.Join(e.moved, ", ")
	case s.Binds == e.binding:
		return ""
	}
	if d := s.Decision.differences(e.decision); len(d) > 0 {
		return "policy decides otherwise since: " + strings.Join(d, "; ")
	}
	return "it is for something else than what the change says now"
}

// refusal is why a change cannot take effect whoever signs; nil if it can.
func (e examination) refusal(p Proposal) error {
	switch {
	case e.author != nil:
		return e.author
	case len(e.moved) > 0:
		return fault.New(fault.Refused, "base_moved", "what the change %s rests on has changed since: %s", p.ID, strings.Join(e.moved, ", ")).
			Do("have its author rebase it: `quorate change rebase %s`", p.ID)
	case len(e.decision.Deny) > 0:
		return denied(e.decision)
	}
	return nil
}

func denied(d Decision) error {
	f := d.Deny[0]
	cited := ""
	if f.Citation != "" {
		cited = " (" + f.Citation + ")"
	}
	err := fault.New(fault.Refused, "policy_denied", "%s does not permit it: %s%s", f.Rule, f.Message, cited)
	if n := len(d.Deny) - 1; n > 0 {
		var others []string
		for _, o := range d.Deny[1:] {
			others = append(others, o.Rule)
		}
		err = err.Do("look also at %s", strings.Join(others, ", "))
	}
	return err
}

// open lists what is still missing of what is required, and by how much.
func (p Proposal) open(d Decision, signed []SignOff, at time.Time) []Requirement {
	var missing []Requirement
	apart := matchApart(d.Require, signed)
	for i, r := range d.Require {
		switch {
		case r.Kind == NeedSignOff:
			have := apart[i]
			if !r.Apart {
				have = len(slices.DeleteFunc(slices.Clone(signed), func(s SignOff) bool { return !r.servableBy(s.Grants) }))
			}
			if need := max(r.Count, 1); have < need {
				r.Count = need - have
				missing = append(missing, r)
			}
		case r.Kind == NeedEvidence && r.Met, r.Kind == NeedFresh: // the latter was asked of the author
		case r.Kind == NeedDelay && !at.Before(p.EditedAt.Add(r.Delay)):
		default: // what is not understood is not met
			missing = append(missing, r)
		}
	}
	return missing
}

// waitsForTime reports whether nothing but time is missing.
func waitsForTime(missing []Requirement) bool {
	return !slices.ContainsFunc(missing, func(r Requirement) bool { return r.Kind != NeedDelay })
}

// due reports whether the time of a change has come.
func (p Proposal) due(at time.Time) bool { return p.ApplyAt.IsZero() || !at.Before(p.ApplyAt) }

// servableBy reports whether somebody with these grants can sign for it.
func (r Requirement) servableBy(grants []identity.Grant) bool {
	return r.Kind == NeedSignOff && slices.ContainsFunc(grants, func(g identity.Grant) bool {
		return g.Role == r.Role && g.Covers(r.Region)
	})
}

// matchApart gives each person to at most one of the requirements that are to be
// met by different persons, so that as many as possible are met, and says how many
// persons each has. It is the matching of persons and places by augmenting paths.
func matchApart(required []Requirement, signed []SignOff) map[int]int {
	var places []int // one for each person needed: the requirement it is of
	for i, r := range required {
		if r.Kind == NeedSignOff && r.Apart {
			for range max(r.Count, 1) {
				places = append(places, i)
			}
		}
	}
	taken := make([]int, len(places)) // person + 1; 0: free
	var seat func(person int, seen []bool) bool
	seat = func(person int, seen []bool) bool {
		for place, i := range places {
			if seen[place] || !required[i].servableBy(signed[person].Grants) {
				continue
			}
			seen[place] = true
			if taken[place] == 0 || seat(taken[place]-1, seen) {
				taken[place] = person + 1
				return true
			}
		}
		return false
	}
	for person := range signed {
		seat(person, make([]bool, len(places)))
	}
	have := map[int]int{}
	for place, i := range places {
		if taken[place] != 0 {
			have[i]++
		}
	}
	return have
}
