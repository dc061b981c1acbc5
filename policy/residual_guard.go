package policy

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Guard is regulation's part of a flag: for one capability in one region, for all
// patients and all times. It is made of checks; a flag is off by the first that
// fails.
type Guard struct {
	Checks []Check
	// Reads are the facts that the checks look at, as paths into the evaluation
	// context; action may be among them.
	Reads []string
	// Place is the fact that says whose law applies; "" if no rule names one.
	Place string
	// Closures are where and when nobody gets past, whatever the facts: in the
	// region's own jurisdictions, each with the rule that comes first there.
	Closures []Closure
	// Obligations are what others must do while it is on, as one text.
	Obligations string
	// Lease is how long a flag is good after its source was last heard of; 0 is
	// for ever.
	Lease time.Duration
	// Revision is the newest of the store among the records this rests on.
	Revision int64
}

// A Check is one reason for a flag to be off.
type Check struct {
	Variant  string // RULE-ID, RULE-ID/missing/patient.age, RULE-ID/evidence/irb
	Rule     string // "" if it is no single rule's
	Title    string
	Citation string
	Why      string // what the rule says
	Where    string // the places it is about, "" for everywhere
	When     string // the days, "" for always
	Says     string // the condition under which it keeps the flag off, in words
	Fails    string // the same as JsonLogic
	Reads    []string
	// Times are the unix seconds at which it may change its mind by the clock, and
	// Shut the spans in which nobody in the region gets past it.
	Times []int64
	Shut  []Span
}

// A Span is from the one to before the other, in unix seconds.
type Span struct{ From, To int64 }

// A Closure is a rule that keeps everybody out in one jurisdiction for a time.
type Closure struct {
	Place, Rule, Variant, Why string
	Span
}

// Holds reports whether a time, in unix seconds, is in the span.
func (s Span) Holds(unix int64) bool { return unix >= s.From && unix < s.To }

// DefaultPlace is the fact that says whose law applies where no rule names another.
const DefaultPlace = residence

// closures are the refusals in the region's own jurisdictions, before a check is
// made of them.
func (g *guarding) closures() []Closure {
	var list []Closure
	for _, place := range g.places {
		if !slices.Contains(g.homes, place) {
			continue
		}
		for _, s := range g.stands[place] {
			shut := s.never
			for i := range s.checks {
				if c := &s.checks[i]; shut == nil && c.class == denied && c.fails.is(true) {
					shut = c
				}
			}
			if shut == nil {
				continue
			}
			next := Closure{place, shut.rule, shut.variant, shut.why, s.Span}
			if n := len(list); n > 0 && list[n-1].Place == place && list[n-1].Variant == next.Variant && list[n-1].To == next.From {
				list[n-1].To = next.To
				continue
			}
			list = append(list, next)
		}
	}
	return list
}

// always are the ends of time.
const (
	dawn = math.MinInt64
	doom = math.MaxInt64
)

// Compile works out the guard. Without law it has none to offer: ask Without first.
func (p *Position) Compile(ctx context.Context, q Question) *Guard {
	g := &guarding{engine: p.Law, in: p.input(q), homes: q.Jurisdictions}
	if p.Law.empty() {
		return &Guard{}
	}
	if g.unknownPlace() {
		return &Guard{Checks: []Check{{Variant: NoEncodedLaw, Why: "no law is encoded for a place of this region", Says: "always",
			Fails: "true", Shut: []Span{{dawn, doom}}}}, Revision: p.LawRevision}
	}
	if p.Law.silentOn(q.Capability) {
		return &Guard{Revision: p.LawRevision}
	}
	key := "guard\x00" + string(canonicalJSON([]any{g.in, g.homes, p.From.Unix()}))
	if known, ok := p.Law.guards.recall(key); ok {
		return p.dated(known.(*Guard), g)
	}
	g.standings(ctx, p.From)
	made := g.guard()
	p.Law.guards.keep(key, made)
	return p.dated(made, g)
}

// dated gives a guard the revision of what it rests on.
func (p *Position) dated(g *Guard, of *guarding) *Guard {
	dated := *g
	dated.Revision = p.LawRevision
	for _, e := range of.in.Evidence {
		dated.Revision = max(dated.Revision, e.Revision)
	}
	for _, w := range of.in.Waivers {
		dated.Revision = max(dated.Revision, w.Revision)
	}
	return &dated
}

// about is the evidence and the waivers that may count for a question, wherever the
// patient is.
func (p *Position) about(q Question) ([]Evidence, []Waiver) {
	known := p.Law.bundle.places.zones
	return kept(p.Evidence, func(e Evidence) bool {
			return (e.Capability == "" || e.Capability == q.Capability) && (e.CapabilityVersion == "" || e.CapabilityVersion == q.Version) &&
				(e.Scope == "*" || e.Scope == q.Region || known[e.Scope] != nil)
		}), kept(p.Waivers, func(w Waiver) bool {
			return w.Capability == q.Capability
		})
}

// holding is where and when one check is made, by what it tests.
type holding struct {
	check
	spans map[string][]Span // place → spans
}

// guard puts the checks of all places and times together. The same check in several
// places, or on both sides of a day, is made once.
func (g *guarding) guard() *Guard {
	out := &Guard{Place: g.fact, Closures: g.closures()}
	var all []*holding
	index := map[string]*holding{}
	note := func(place string, s Span, c check) {
		key := strconv.Itoa(int(c.class)) + c.variant + "\x00" + c.fails.String()
		h := index[key]
		if h == nil {
			h = &holding{check: c, spans: map[string][]Span{}}
			index[key] = h
			all = append(all, h)
		}
		list := h.spans[place]
		if n := len(list); n > 0 && list[n-1].To == s.From {
			list[n-1].To = s.To
		} else {
			list = append(list, s)
		}
		h.spans[place] = list
	}
	for _, place := range g.places {
		for _, s := range g.stands[place] {
			if s.never != nil {
				note(place, s.Span, *s.never)
			}
			for _, c := range s.checks {
				note(place, s.Span, c)
			}
			if slices.Contains(g.homes, place) && s.lease > 0 && (out.Lease == 0 || time.Duration(s.lease)*time.Second < out.Lease) {
				out.Lease = time.Duration(s.lease) * time.Second
			}
		}
	}
	for _, h := range all {
		if h.class != refused {
			g.stretch(h)
		}
	}
	slices.SortStableFunc(all, func(a, b *holding) int {
		if a.class != b.class {
			return int(a.class - b.class)
		}
		return strings.Compare(a.rule+a.variant, b.rule+b.variant)
	})
	var checks []Check
	for _, h := range all {
		checks = append(checks, g.made(h))
	}
	out.Checks = append(g.first(all), checks...)
	reads := map[string]bool{}
	for _, c := range out.Checks {
		for _, r := range c.Reads {
			if r == "action" || g.engine.bundle.words.Facts[r] != nil {
				reads[r] = true
			}
		}
	}
	out.Reads = sortedKeys(reads)
	out.Obligations = g.obligations()
	return out
}

// stretch makes a check also where everybody has been refused before it is reached:
// there it decides nothing, and so it needs not say that it is not meant.
func (g *guarding) stretch(h *holding) {
	for place, spans := range h.spans {
		for i := range spans {
			for _, s := range g.stands[place] {
				if s.never != nil && s.From == spans[i].To {
					spans[i].To = s.To
				}
			}
			for _, s := range slices.Backward(g.stands[place]) {
				if s.never != nil && s.To == spans[i].From {
					spans[i].From = s.From
				}
			}
		}
		h.spans[place] = joinedSpans(spans)
	}
	for _, place := range g.places { // nobody comes so far in a place that is always refused
		if list := g.stands[place]; len(h.spans) > 0 && !slices.ContainsFunc(list, func(s spell) bool { return s.never == nil }) {
			h.spans[place] = []Span{{dawn, doom}}
		}
	}
}

// joinedSpans joins spans, which are in order, where they touch or overlap.
func joinedSpans(spans []Span) []Span {
	var out []Span
	for _, s := range spans {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// first are the checks that stand before what the rules say: where the patient is,
// and whether the facts are of their types.
func (g *guarding) first(all []*holding) []Check {
	var list []Check
	if g.fact != "" {
		at := variable(g.fact)
		var places []any
		for _, p := range g.places {
			places = append(places, p)
		}
		fails := and(present(at), not(anyOf(at, places)))
		list = append(list, Check{Variant: "elsewhere", Why: "no law is encoded for that place", Fails: fails.String(),
			Says: g.fact + " is a place for which no law is encoded", Reads: []string{g.fact}})
	}
	reads := map[string]bool{}
	for _, h := range all {
		h.fails.variables(reads)
	}
	for _, fact := range sortedKeys(reads) {
		want, typ := g.engine.bundle.words.Facts[fact], "string"
		var values []any
		switch want := want.(type) {
		case []any:
			values = want
		case string:
			typ = want
		}
		if fact == g.fact || want == nil && fact != "action" {
			continue // a place that is no text is elsewhere, and an object is no fact
		}
		if h := slices.IndexFunc(all, func(h *holding) bool { return h.whole[fact] }); h >= 0 {
			typ = "whole"
		}
		fails := not(typed(fact, typ, values))
		list = append(list, Check{Variant: "ill-typed/" + fact, Why: "a fact of the wrong type is no fact", Fails: fails.String(),
			Says: fact + " is given and is not " + wantingText(want), Reads: []string{fact}})
	}
	return list
}

func wantingText(want any) string {
	if want == nil {
		want = "string"
	}
	return wanting(want)
}

// variables collects the facts that an expression looks at.
func (l *logic) variables(into map[string]bool) {
	if l.op == "var" {
		if path, _ := l.args[0].lit.(string); path != "" && path != "accumulator" {
			into[path] = true
		}
		return
	}
	for i, a := range l.args {
		if i > 0 && (l.op == "some" || l.op == "reduce") {
			break // within a loop only the element is seen
		}
		a.variables(into)
	}
}

// made makes a check of what holds in some places at some times.
func (g *guarding) made(h *holding) Check {
	groups := g.groups(h)
	var fails, applies []*logic
	times := map[int64]bool{}
	for _, group := range groups {
		where := and(g.placedIn(group.places), withplacedIn(group.spans))
		applies = append(applies, where)
		fails = append(fails, and(where, h.fails))
		for _, s := range group.spans {
			times[s.From], times[s.To] = true, true
		}
	}
	delete(times, dawn)
	delete(times, doom)
	all := or(fails...)
	if len(groups) > 1 {
		all = and(or(applies...), h.fails)
	}
	read := map[string]bool{}
	all.variables(read)
	c := Check{Variant: h.variant, Rule: h.rule, Why: h.why, Says: h.fails.words(), Fails: all.String(), Shut: g.shut(h),
		Where: g.whereWords(groups), When: g.whenWords(h)}
	if h.fails.is(true) {
		c.Says = "always"
	}
	if r := g.engine.bundle.Records[h.rule]; r != nil {
		c.Title, c.Citation = r.Title, r.Citation
	}
	delete(read, "$flagd.timestamp")
	c.Reads = sortedKeys(read)
	for at := range times {
		c.Times = append(c.Times, at)
	}
	slices.Sort(c.Times)
	return c
}

// obligations says what others must do, in the places of the region: each as
// RULE-ID kind params @point, and where and from when if not everywhere and always.
func (g *guarding) obligations() string {
	type where struct {
		places []string
		from   Day
		always bool
	}
	seen := map[string]*where{}
	homes := slices.Sorted(slices.Values(g.homes))
	for _, place := range homes {
		for i, s := range g.stands[place] {
			for _, o := range s.owes {
				text := o.rule + " " + o.kind
				if o.params != "" && o.params != "{}" {
					text += " " + o.params
				}
				text += " @" + o.point
				w := seen[text]
				if w == nil {
					w = &where{from: s.day, always: i == 0}
					seen[text] = w
				}
				if !slices.Contains(w.places, place) {
					w.places = append(w.places, place)
				}
			}
		}
	}
	var list []string
	for _, text := range sortedKeys(seen) {
		w := seen[text]
		if len(w.places) < len(homes) {
			text += " in " + strings.Join(w.places, ",")
		}
		if !w.always {
			text += " from " + string(w.from)
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}
