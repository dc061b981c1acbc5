package policy

import (
	"context"
	"slices"
	"strings"
	"time"
)

// NoEncodedLaw is why nothing is permitted while no law bundle is active.
const NoEncodedLaw = "no-encoded-law"

// PerformsPrefix begins the evidence that whoever asks for a capability performs
// what the rules require besides: performs:KIND for an obligation of that kind,
// performs:RULE-ID for a rule that another than the flag enforces. Whoever asks for
// a boolean never sees what is required besides, so without it the flag is off.
const PerformsPrefix = "performs:"

// A Position is what holds now: the active bundles, and the waivers and evidence on
// file. It is made from the store's records, never changed after it has been handed
// out, and everything that is asked of it is a pure function of it and the question.
type Position struct {
	// Law is the active law with every active layer over it; nil if no law is
	// active, and then nothing is permitted.
	Law *Engine
	// Evidence and Waivers are those on file, lapsed ones too: the day decides.
	Evidence []Evidence
	Waivers  []Waiver
	// Config is what the organization says of itself once for all its
	// capabilities, in the vocabulary's words, such as employees; nil for nothing.
	Config map[string]any
	// From, if not zero, is since when these bundles are active. What their rules
	// said on earlier days is left out of what is compiled.
	From time.Time
	// Revision of the store is the newest among the records above, and that of the
	// bundles alone LawRevision.
	Revision, LawRevision int64
}

// A Question asks about one capability in one region, knowing no patient.
type Question struct {
	Region        string
	Jurisdictions []string // of the region
	Actor         string   // "" for a provider
	Capability    string
	Version       string         // of the capability, to which evidence may be narrowed
	Config        map[string]any // how it would be on, in the vocabulary's words; over the organization's
	Request       map[string]any // besides the action, such as scope: region; seldom needed
	AsOf          time.Time      // not asked of Compile, which answers for all times

	// Since, of what is enabled, is when it was, and Where the jurisdictions in which
	// it was permitted then; nil if that is not known. Neither is asked of a rule.
	Since time.Time
	Where []string
}

// Without reports whether there is no law, so that nothing is permitted.
func (p *Position) Without() bool { return p == nil || p.Law == nil }

// PolicyRevision names what was decided by: the revision of the bundles, or
// NoEncodedLaw.
func (p *Position) PolicyRevision() string {
	if p.Without() {
		return NoEncodedLaw
	}
	return p.Law.bundle.Revision
}

// Enable decides whether the region may turn the capability on, jurisdiction by
// jurisdiction: what the rules say at enablement, and whether everything that they
// leave to somebody else is known to be performed. What depends on the patient is
// listed as residual.
func (p *Position) Enable(ctx context.Context, q Question) Decision {
	if p.Without() {
		return Decision{
			Status: Deny, ByJurisdiction: map[string]*Verdict{}, OnWhereAllowed: []string{}, Residual: []string{}, BadInput: []string{},
			ReviewOverdue: []string{}, AsOf: q.AsOf.UTC().Format(time.RFC3339), BundleRev: NoEncodedLaw,
			Sentence: "Refused: no law is active in this system. Counsel and compliance can activate one.",
		}
	}
	return p.Law.enable(ctx, p.input(q))
}

// Input is the question as the rules are asked it: what a decision is a function of,
// beside the revision of the bundles.
func (p *Position) Input(q Question) Input { return p.input(q) }

// Citation is where a rule is written, "" if there is no such rule.
func (p *Position) Citation(rule string) string {
	if !p.Without() && p.Law.bundle.Records[rule] != nil {
		return p.Law.bundle.Records[rule].Citation
	}
	return ""
}

// Causes are the rules for which the verdict is not allow.
func (v *Verdict) Causes() []string { return union(v.causes, nil) }

// WantedBy is the rule that misses a piece of evidence; of several the first.
func (v *Verdict) WantedBy(kind string) string { return v.wants[kind] }

func (p *Position) input(q Question) Input {
	in := Input{
		Phase: Enablement, AsOf: q.AsOf.UTC().Format(time.RFC3339), Region: q.Region, Jurisdictions: q.Jurisdictions, Actor: q.Actor,
		Capability: q.Capability, CapabilityVersion: q.Version, Request: q.Request, Config: overlay(p.Config, q.Config),
	}
	if !p.Without() {
		in.Evidence, in.Waivers = p.about(q)
	}
	if in.Actor == "" {
		in.Actor = "provider"
	}
	if in.Request == nil {
		in.Request = map[string]any{"action": "enable"}
	}
	return in
}

// Touches reports whether going over from one position to another may change
// anything for a capability in a region of these jurisdictions.
func (p *Position) Touches(next *Position, region, capability string, jurisdictions []string) bool {
	if p.Without() || next.Without() {
		return p.Without() != next.Without()
	}
	if p.Law != next.Law || !p.From.Equal(next.From) || !sameConfig(p.Config, next.Config) {
		return true
	}
	_ = jurisdictions // a patient may be in any place, so every scope that is one counts
	evidence := func(e Evidence) bool {
		return (e.Capability == "" || e.Capability == capability) && (e.Scope == region || e.Scope == "*" || strings.Contains(e.Scope, "-"))
	}
	waiver := func(w Waiver) bool { return w.Capability == capability }
	return !slices.Equal(kept(p.Evidence, evidence), kept(next.Evidence, evidence)) ||
		!slices.EqualFunc(kept(p.Waivers, waiver), kept(next.Waivers, waiver), Waiver.equal)
}

func kept[T any](list []T, keep func(T) bool) []T {
	var some []T
	for _, x := range list {
		if keep(x) {
			some = append(some, x)
		}
	}
	return some
}

func (w Waiver) equal(other Waiver) bool {
	return slices.Equal(w.MayGrant, other.MayGrant) && w.ID == other.ID && w.RuleID == other.RuleID && w.RuleDigest == other.RuleDigest &&
		w.Jurisdiction == other.Jurisdiction && w.Capability == other.Capability && w.Class == other.Class && w.GrantedBy == other.GrantedBy &&
		w.Reason == other.Reason && w.Issued == other.Issued && w.Expires == other.Expires && w.MaxDays == other.MaxDays
}

func sameConfig(a, b map[string]any) bool {
	return string(canonicalJSON(a)) == string(canonicalJSON(b))
}

// EmptyLaw is law that says nothing: no rule, and no place either, so it has no
// objection anywhere. It is for tests that are not about regulation, and for a
// server that is told to run without any; a bundle that is loaded always has places.
func EmptyLaw() *Engine {
	return &Engine{bundle: &Bundle{Revision: "", Records: map[string]*Record{}}}
}

// empty reports whether this is EmptyLaw.
func (e *Engine) empty() bool { return len(e.bundle.places.Places) == 0 }

// unobjected is the decision of EmptyLaw.
func (e *Engine) unobjected(in Input) Decision {
	d := e.blank(in)
	for _, j := range in.Jurisdictions {
		d.ByJurisdiction[j] = newVerdict()
		d.ByJurisdiction[j].settle()
		d.OnWhereAllowed = append(d.OnWhereAllowed, j)
	}
	slices.Sort(d.OnWhereAllowed)
	d.Status, d.Allow, d.Uniform, d.Sentence = Allow, true, true, "No rule is encoded, so none forbids this."
	return d
}
