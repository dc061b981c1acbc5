package policy

import (
	"context"
	"slices"
	"time"
)

// guarding is a guard in the making.
type guarding struct {
	engine *Engine
	in     Input
	homes  []string // the region's jurisdictions
	fact   string   // that says whose law applies, "" if no rule names one
	places []string // for which there are stands
	stands map[string][]spell
}

// A spell is a stand and when it holds.
type spell struct {
	Span
	day Day
	*stand
}

func (g *guarding) unknownPlace() bool { return !g.engine.placesKnown(g.homes) }

// governing is the fact that says whose law applies: that of the rules which flags
// enforce, else the first of those that the other rules go by.
func (e *Engine) governing(capability, actor string) string {
	named := map[string]bool{}
	for _, id := range e.bundle.ids {
		r := e.bundle.Records[id]
		if r.Location == "" || !slices.Contains(r.Capabilities, capability) || !slices.Contains(r.Actors, actor) {
			continue
		}
		if r.enforcedBy(capability) == "flag" {
			return "patient." + r.Location
		}
		named[r.Location] = true
	}
	for _, location := range e.bundle.words.Locations {
		if named[location] {
			return "patient." + location
		}
	}
	return ""
}

// standings works out what holds in each place: in every one of which there is law
// where a fact says which, else in those of the region.
func (g *guarding) standings(ctx context.Context, since time.Time) {
	g.fact, g.places = g.engine.governing(g.in.Capability, g.in.Actor), slices.Sorted(slices.Values(g.homes))
	if g.fact != "" {
		g.places = sortedKeys(g.engine.bundle.places.Places)
	}
	g.stands = map[string][]spell{}
	base := g.shared(since)
	for _, place := range g.places {
		if known, ok := g.engine.guards.recall(base + place); ok {
			g.stands[place] = known.([]spell)
			continue
		}
		list := []spell{}
		days := g.days(place, since)
		for i, d := range days {
			s := spell{Span: Span{dawn, doom}, day: d, stand: g.engine.standOn(ctx, &g.in, place, d)}
			if i > 0 {
				s.From = g.midnight(d, place)
			}
			if i+1 < len(days) {
				s.To = g.midnight(days[i+1], place)
			}
			list = append(list, s)
		}
		g.stands[place] = list
		g.engine.guards.keep(base+place, list)
	}
}

// shared names all that a stand rests on. Most regions have neither proofs nor rules
// of their own for a capability, and then what holds in a place is the same for all.
func (g *guarding) shared(since time.Time) string {
	in := g.in
	in.Jurisdictions = nil
	own := slices.ContainsFunc(in.Evidence, func(e Evidence) bool { return e.Scope == in.Region })
	for _, r := range g.engine.bundle.Records {
		own = own || r.Region == in.Region
	}
	if !own && !g.engine.readsRegion {
		in.Region = ""
	}
	return "stands\x00" + string(canonicalJSON([]any{in, since.Unix()})) + "\x00"
}

func (g *guarding) midnight(d Day, place string) int64 {
	at, _ := g.engine.bundle.moment(d, place)
	return at.Unix()
}

// days are the first day that counts in a place, and all later ones on which what
// holds there may change.
func (g *guarding) days(place string, since time.Time) []Day {
	b := g.engine.bundle
	c := &situation{bundle: b, in: &g.in, jurisdiction: place}
	var days []Day
	graces := []int{0}
	for _, id := range b.ids {
		if r := b.Records[id]; r.reaches(c) {
			days = append(days, r.boundaries()...)
			graces = append(graces, r.GraceDays)
		}
	}
	slices.Sort(graces)
	graces = slices.Compact(graces)
	for _, e := range g.in.Evidence {
		if e.Scope != "*" && e.Scope != g.in.Region && e.Scope != place {
			continue
		}
		for _, text := range []string{e.Issued, e.Expires} {
			for _, grace := range graces {
				if d, err := ParseDay(text); err == nil && (grace == 0 || text == e.Expires) {
					days = append(days, shift(d, grace))
				}
			}
		}
	}
	for _, w := range g.in.Waivers {
		for _, text := range []string{w.Issued, w.Expires} {
			if d, err := ParseDay(text); err == nil && w.Jurisdiction == place {
				days = append(days, d)
			}
		}
	}
	for _, name := range sortedKeys(b.tables) {
		for _, rows := range b.tables[name].Rows {
			for _, row := range rows {
				days = append(days, row.from())
			}
		}
	}
	days = union2(days, nil)
	first := Day("2000-01-01")
	if len(days) > 0 {
		first = shift(days[0], -1)
	}
	if !since.IsZero() {
		first = b.today(since, place)
		days = slices.DeleteFunc(days, func(d Day) bool { return d <= first })
	}
	return append([]Day{first}, days...)
}
