package policy

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Flags follow the law by their own clocks and need nobody. That a capability which a
// region had on went off by regulation is to be known all the same, so the clerk puts
// it on record: once for each region, capability and rule, in one transaction with its
// leaf. That record is the notice; it stands until the rule no longer holds it off.

// A Halt is a capability that a region has enabled and that a rule keeps off.
type Halt struct {
	Region        string    `json:"region"`
	Capability    string    `json:"capability"`
	Rule          string    `json:"rule"`
	Variant       string    `json:"variant" doc:"What is served: the rule, and what is missing, if it is a proof or an opinion."`
	Jurisdictions []string  `json:"jurisdictions" nullable:"false" doc:"Where."`
	Why           string    `json:"why"`
	Citation      string    `json:"citation,omitempty"`
	Since         time.Time `json:"since" doc:"Since when it is off by that rule; of a rule that held when its bundle was activated, since then."`
	Noted         Act       `json:"noted"`
	// Ended is when it was found that the rule keeps it off no longer, or that the
	// region does not want it on any more.
	Ended *Act `json:"ended,omitempty"`
}

func (h Halt) key() string { return h.Region + "/" + h.Capability + "/" + h.Rule }

// haltEvery is how often the clerk looks. Nobody is served anything forbidden in the
// meantime.
const haltEvery = 2 * time.Second

// Halter is the principal of what the clerk puts on record here, and can do nothing
// else.
func Halter() identity.Principal {
	return identity.Principal{ID: "clerk", Name: "the clerk", Strength: identity.ByHost,
		Grants: []identity.Grant{{Role: identity.Operator, Regions: []string{identity.Every}}}, Verbs: []identity.Action{identity.NoteHalt}}
}

// Run puts on record what went off by regulation, until ctx ends. Every replica runs
// it: the record's key is the same for all, so whoever comes second finds it there.
func (s *Service) Run(ctx context.Context, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(haltEvery):
		}
		if err := s.Tick(ctx); err != nil && ctx.Err() == nil && !fault.Is(err, fault.StoreUnavailable) {
			log.Error("what regulation turned off could not be put on record; trying again", "error", err)
		}
	}
}

// Tick looks once.
func (s *Service) Tick(ctx context.Context) error {
	now := s.now().UTC()
	p := s.records.Position()
	if p.Without() {
		return nil // then nothing could be enabled either
	}
	live, _ := s.world.Live()
	found := p.halted(ctx, live, now)
	known := s.records.Halts()
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, key := range sortedKeys(found) {
		if have, ok := known[key]; !ok || have.Ended != nil || !slices.Equal(have.Jurisdictions, found[key].Jurisdictions) {
			note(s.noteHalt(ctx, found[key]))
		}
	}
	for _, key := range sortedKeys(known) {
		if _, still := found[key]; !still && known[key].Ended == nil {
			note(s.endHalt(ctx, known[key]))
		}
	}
	return first
}

// halted lists what is enabled and off by regulation at a time, where it had been on:
// what the law did not permit when it was enabled never was.
func (p *Position) halted(ctx context.Context, live []Question, now time.Time) map[string]Halt {
	found := map[string]Halt{}
	for _, q := range live {
		for _, c := range p.Compile(ctx, q).Closures {
			never := q.Where != nil && !slices.Contains(q.Where, c.Place) && c.From <= q.Since.Unix()
			if !c.Holds(now.Unix()) || never {
				continue
			}
			h := Halt{Region: q.Region, Capability: q.Capability, Rule: c.Rule, Variant: c.Variant, Why: c.Why, Citation: p.Citation(c.Rule), Since: p.From}
			if c.From != dawn {
				h.Since = time.Unix(c.From, 0)
			}
			if q.Since.After(h.Since) {
				h.Since = q.Since
			}
			h.Since = h.Since.UTC()
			if before, ok := found[h.key()]; ok {
				h.Jurisdictions = before.Jurisdictions
				if before.Since.Before(h.Since) {
					h.Since = before.Since
				}
			}
			h.Jurisdictions = union(h.Jurisdictions, []string{c.Place})
			found[h.key()] = h
		}
	}
	return found
}

func (s *Service) noteHalt(ctx context.Context, h Halt) error {
	return s.putHalt(ctx, h, "it went off by regulation", func(before kv.Record[Halt], act Act) (Halt, bool) {
		if have := before.Value; before.Exists() && have.Ended == nil && slices.Equal(have.Jurisdictions, h.Jurisdictions) {
			return h, false
		}
		h.Noted = act
		return h, true
	})
}

func (s *Service) endHalt(ctx context.Context, h Halt) error {
	return s.putHalt(ctx, h, "the rule keeps it off no longer", func(before kv.Record[Halt], act Act) (Halt, bool) {
		if !before.Exists() || before.Value.Ended != nil {
			return h, false
		}
		after := before.Value
		after.Ended = &act
		return after, true
	})
}

func (s *Service) putHalt(ctx context.Context, h Halt, reason string, next func(kv.Record[Halt], Act) (Halt, bool)) error {
	target := identity.Target{Kind: "halt", Region: h.Region, ID: h.Capability + "/" + h.Rule}
	request := map[string]any{"rule": h.Rule, "jurisdictions": h.Jurisdictions}
	o := gate.Origin{Actor: Halter(), Reason: reason}
	_, err := s.gate.Submit(ctx, o.Change(identity.NoteHalt, target, request), func(tx *kv.Tx, c gate.Change) error {
		key := halts.Key(h.Region, h.Capability, h.Rule)
		before, err := kv.Get(tx, key)
		if err != nil {
			return err
		}
		if after, write := next(before, actOf(c)); write {
			return kv.Put(tx, key, after)
		}
		return nil
	})
	return err
}

// Halted lists what regulation keeps off although a region wants it on; with past, what
// it kept off before too. The newest first.
func (s *Service) Halted(ctx context.Context, who identity.Principal, region string, past bool) ([]Halt, error) {
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "halt", Region: region}); err != nil {
		return nil, err
	}
	all, err := listed(s.store.View(ctx), halts)
	if err != nil {
		return nil, err
	}
	list := []Halt{}
	for _, h := range all {
		if (region == "" || h.Value.Region == region) && (past || h.Value.Ended == nil) {
			list = append(list, h.Value)
		}
	}
	slices.SortStableFunc(list, func(a, b Halt) int {
		if c := b.Noted.At.Compare(a.Noted.At); c != 0 {
			return c
		}
		return strings.Compare(a.key(), b.key())
	})
	return list, nil
}
