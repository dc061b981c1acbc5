package policy

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A Preview is what would change for what is on, if a bundle held.
type Preview struct {
	Digest    string       `json:"digest"`
	Previewed int64        `json:"previewed" doc:"Revision of the store that was looked at; send it with the activation."`
	AsOf      time.Time    `json:"as_of"`
	Pairs     int          `json:"pairs" doc:"How many enablements were looked at."`
	Broken    []Break      `json:"broken" nullable:"false" doc:"What is permitted now and would not be."`
	Existing  []Break      `json:"existing" nullable:"false" doc:"What is not permitted now, and would not be either."`
	Waived    []Break      `json:"waived" nullable:"false" doc:"What would be permitted by a waiver alone."`
	Opened    []Break      `json:"opened" nullable:"false" doc:"What is not permitted now and would be."`
	Unsent    []UnsentFact `json:"unsent" nullable:"false" doc:"Facts that would newly be needed and that services do not send, or not always."`
}

// A Break is one capability in one region, where, and by which rules.
type Break struct {
	Region        string   `json:"region"`
	Capability    string   `json:"capability"`
	Jurisdictions []string `json:"jurisdictions"`
	Rules         []string `json:"rules" nullable:"false"`
	Says          string   `json:"says"`
}

// An UnsentFact is one that a flag would need and whoever asks does not send.
type UnsentFact struct {
	Region     string  `json:"region"`
	Capability string  `json:"capability"`
	Fact       string  `json:"fact"`
	Missing    float64 `json:"missing" doc:"The part of the requests seen lately, 0 to 1, that would be answered off for want of it."`
}

// Preview compares what holds with what would hold, for everything that is on.
// Nothing is changed by it.
func (s *Service) Preview(ctx context.Context, who identity.Principal, digest string) (Preview, error) {
	bundle, err := s.Bundle(ctx, who, digest)
	if err != nil {
		return Preview{}, err
	}
	now := s.records.Position()
	next, err := s.would(ctx, now, bundle)
	if err != nil {
		return Preview{}, err
	}
	live, revision := s.world.Live()
	out := Preview{Digest: bundle.Digest, Previewed: revision, AsOf: s.now().UTC(), Pairs: len(live),
		Broken: []Break{}, Existing: []Break{}, Waived: []Break{}, Opened: []Break{}, Unsent: []UnsentFact{}}
	for _, q := range live {
		q.AsOf = out.AsOf
		out.compare(ctx, now, next, q)
		out.facts(ctx, now, next, q, s.world.Share)
	}
	return out, nil
}

// would is the position if a bundle held in its layer.
func (s *Service) would(ctx context.Context, now *Position, bundle Pushed) (*Position, error) {
	rec, err := kv.Get(s.store.View(ctx), active)
	if err != nil {
		return nil, err
	}
	r := ActivateRequest{Layer: bundle.Manifest.Layer, Region: bundle.Manifest.Region, Digest: bundle.Digest}
	pointer, err := r.flip(s.store.View(ctx), rec.Value, gate.Change{At: s.now().UTC()})
	if err != nil {
		return nil, err
	}
	engine, err := s.records.prepare(pointer.stack())
	if err != nil {
		return nil, fault.New(fault.NotReady, "not_prepared", "this replica cannot load the bundle: %s", oneLine(err.Error())).Do("try again in a moment").Because(err)
	}
	next := *now
	next.Law, next.From = engine, s.now().UTC()
	return &next, nil
}

func (p *Preview) compare(ctx context.Context, now, next *Position, q Question) {
	before, after := now.Enable(ctx, q), next.Enable(ctx, q)
	places := func(d Decision, allowed bool) []string {
		var list []string
		for _, j := range sortedKeys(d.ByJurisdiction) {
			if d.ByJurisdiction[j].Allow == allowed {
				list = append(list, j)
			}
		}
		return list
	}
	was, will := places(before, true), places(after, true)
	wont := places(after, false)
	add := func(to *[]Break, d Decision, where []string) {
		if len(where) > 0 {
			*to = append(*to, Break{q.Region, q.Capability, where, against(d, where), d.Sentence})
		}
	}
	add(&p.Broken, after, both(wont, was))
	add(&p.Existing, after, except(wont, was))
	add(&p.Opened, after, except(will, was))
	var waived []string
	for _, j := range will {
		if len(after.ByJurisdiction[j].WaiversApplied) > 0 {
			waived = append(waived, j)
		}
	}
	add(&p.Waived, after, waived)
}

// against are the rules that stand against a decision in some places.
func against(d Decision, where []string) []string {
	rules := []string{}
	for _, j := range where {
		rules = union(rules, d.ByJurisdiction[j].causes)
	}
	return rules
}

func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(x string) bool { return !slices.Contains(b, x) })
}

func except(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(x string) bool { return slices.Contains(b, x) })
}

// facts notes those that would newly be read and are not always sent.
func (p *Preview) facts(ctx context.Context, now, next *Position, q Question, share func(region, capability, fact string) (float64, bool)) {
	var read []string
	if !now.Without() {
		read = now.Compile(ctx, q).Reads
	}
	for _, fact := range next.Compile(ctx, q).Reads {
		if sent, seen := share(q.Region, q.Capability, fact); seen && sent < 1 && !slices.Contains(read, fact) {
			p.Unsent = append(p.Unsent, UnsentFact{q.Region, q.Capability, fact, 1 - sent})
		}
	}
}

// A Forecasted is what will change by the clock alone.
type Forecasted struct {
	AsOf   time.Time `json:"as_of"`
	Until  Day       `json:"until"`
	Pairs  int       `json:"pairs" doc:"How many enablements were looked at."`
	Events []Turn    `json:"events" nullable:"false" doc:"What will change, the first first."`
}

// A Turn is one capability in one region that goes off, or may come on again, by the
// clock.
type Turn struct {
	At            time.Time `json:"at"`
	Region        string    `json:"region"`
	Capability    string    `json:"capability"`
	Jurisdictions []string  `json:"jurisdictions"`
	Permitted     bool      `json:"permitted" doc:"False: it goes off there; true: it is permitted again."`
	Rules         []string  `json:"rules" nullable:"false"`
	Says          string    `json:"says"`
}

// farthest is how far ahead a forecast looks: dates beyond are nobody's knowledge.
const farthest = 10 * 366

// Forecast lists what will break, and when, if nothing is done: rules that begin or
// end, evidence that lapses, waivers that run out.
func (s *Service) Forecast(ctx context.Context, who identity.Principal, until Day) (Forecasted, error) {
	out := Forecasted{AsOf: s.now().UTC(), Until: until, Events: []Turn{}}
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "policy"}); err != nil {
		return out, err
	}
	today := Day(out.AsOf.Format(time.DateOnly))
	if _, err := ParseDay(string(until)); err != nil || until < today || until > shift(today, farthest) {
		return out, bad("until", "bad_day", "%.10q is no day from today to ten years ahead", string(until)).Do("write it like 2027-01-31")
	}
	p := s.records.Position()
	live, _ := s.world.Live()
	out.Pairs = len(live)
	if p.Without() {
		return out, nil
	}
	for _, q := range live {
		q.AsOf = out.AsOf
		out.Events = append(out.Events, p.turns(ctx, q, until)...)
	}
	slices.SortStableFunc(out.Events, func(a, b Turn) int { return a.At.Compare(b.At) })
	return out, nil
}

// turns decides a question at each moment until a day at which the answer may change.
func (p *Position) turns(ctx context.Context, q Question, until Day) []Turn {
	var list []Turn
	began := q.AsOf
	was := p.Enable(ctx, q)
	for range maxForecast {
		at, err := time.Parse(time.RFC3339, was.ValidUntilAt)
		if err != nil || was.ValidUntil > until {
			break
		}
		q.AsOf = at
		will := p.Enable(ctx, q)
		list = append(list, turn(q, was, will)...)
		was = will
	}
	return append(list, p.shuts(ctx, q, list, began, until)...)
}

func turn(q Question, was, will Decision) []Turn {
	var off, on []string
	for _, j := range sortedKeys(will.ByJurisdiction) {
		before, after := was.ByJurisdiction[j], will.ByJurisdiction[j]
		switch {
		case before == nil || before.Allow == after.Allow:
		case after.Allow:
			on = append(on, j)
		default:
			off = append(off, j)
		}
	}
	var list []Turn
	if len(off) > 0 {
		list = append(list, Turn{q.AsOf.UTC(), q.Region, q.Capability, off, false, against(will, off), will.Sentence})
	}
	if len(on) > 0 {
		list = append(list, Turn{q.AsOf.UTC(), q.Region, q.Capability, on, true, against(was, on), will.Sentence})
	}
	return list
}

// shuts adds what closes for every single case although the region could still enable
// it: a rule of the single case that no case can meet any more.
func (p *Position) shuts(ctx context.Context, q Question, known []Turn, began time.Time, until Day) []Turn {
	var list []Turn
	last, err := time.Parse(time.DateOnly, string(until))
	if err != nil {
		return nil
	}
	for _, check := range p.Compile(ctx, q).Checks {
		for _, span := range check.Shut {
			at := time.Unix(span.From, 0).UTC()
			begins := at.After(began) && at.Before(last.AddDate(0, 0, 2))
			told := slices.ContainsFunc(known, func(t Turn) bool { return t.At.Equal(at) && !t.Permitted })
			if begins && !told {
				list = append(list, Turn{at, q.Region, q.Capability, strings.Fields(strings.ReplaceAll(check.Where, ",", " ")), false, rulesOf(check), check.Why})
			}
		}
	}
	return list
}

func rulesOf(c Check) []string {
	if c.Rule == "" {
		return []string{c.Variant}
	}
	return []string{c.Rule}
}
