package policy

import (
	"slices"
	"strings"
	"time"
)

type group struct {
	places []string
	spans  []Span
}

// groups puts the places together in which a check is made at the same times.
func (g *guarding) groups(h *holding) []group {
	var list []group
	for _, place := range g.places {
		spans := h.spans[place]
		if len(spans) == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(x group) bool { return slices.Equal(x.spans, spans) })
		if i < 0 {
			list = append(list, group{spans: spans})
			i = len(list) - 1
		}
		list[i].places = append(list[i].places, place)
	}
	return list
}

// placedIn is true where the law of one of these places applies. A patient of whom the
// place is not known is in every place of the region.
func (g *guarding) placedIn(places []string) *logic {
	if len(places) == len(g.places) {
		return yes
	}
	fact, home := g.fact, slices.ContainsFunc(places, func(p string) bool { return slices.Contains(g.homes, p) })
	if fact == "" {
		return g.among(places)
	}
	at := variable(fact)
	var named, others []any
	for _, p := range g.places {
		if slices.Contains(places, p) {
			named = append(named, p)
		} else {
			others = append(others, p)
		}
	}
	if len(others) < len(named) {
		is := not(anyOf(at, others))
		if !home {
			return and(present(at), is)
		}
		return is
	}
	if home {
		return or(absent(at), anyOf(at, named))
	}
	return anyOf(at, named)
}

// among is placedIn where no rule names a fact: then the patient's residence picks one of
// the region's own, and whoever lives elsewhere is in all of them.
func (g *guarding) among(places []string) *logic {
	at := variable(residence)
	var others []any
	for _, p := range g.places {
		if !slices.Contains(places, p) {
			others = append(others, p)
		}
	}
	return not(anyOf(at, others))
}

const residence = "patient.residence"

// withplacedIn is true within one of the spans.
func withplacedIn(spans []Span) *logic {
	clock := variable("$flagd.timestamp")
	var list []*logic
	for _, s := range spans {
		var both []*logic
		if s.From != dawn {
			both = append(both, operate(">=", clock, literal(s.From)))
		}
		if s.To != doom {
			both = append(both, operate("<", clock, literal(s.To)))
		}
		list = append(list, and(both...))
	}
	return or(list...)
}

// shut are the spans in which a check that needs no fact keeps out everybody in the
// region: each of its places is refused, and this is the refusal of the first.
func (g *guarding) shut(h *holding) []Span {
	if h.class != refused {
		return nil
	}
	var out []Span
	homes := slices.Sorted(slices.Values(g.homes))
	for _, s := range h.spans[homes[0]] {
		spans := []Span{s}
		for _, other := range homes[1:] {
			spans = g.narrowed(spans, other)
		}
		out = append(out, spans...)
	}
	return out
}

// narrowed keeps of some spans what is refused in another place too.
func (g *guarding) narrowed(spans []Span, place string) []Span {
	var out []Span
	for _, s := range spans {
		for _, x := range g.stands[place] {
			if both := (Span{max(s.From, x.From), min(s.To, x.To)}); x.never != nil && both.From < both.To {
				out = append(out, both)
			}
		}
	}
	return out
}

func (g *guarding) whereWords(groups []group) string {
	var places []string
	for _, x := range groups {
		places = append(places, x.places...)
	}
	if len(places) == len(g.places) {
		return ""
	}
	slices.Sort(places)
	return g.engine.bundle.names(places)
}

func (g *guarding) whenWords(h *holding) string {
	var parts []string
	for _, place := range g.places {
		for _, s := range h.spans[place] {
			from, to := g.dayOf(place, s.From), g.dayOf(place, s.To)
			text := ""
			switch {
			case from == "" && to == "":
				return ""
			case to == "":
				text = "from " + from
			case from == "":
				text = "until " + to
			default:
				text = "from " + from + " until " + to
			}
			if !slices.Contains(parts, text) {
				parts = append(parts, text)
			}
		}
	}
	return strings.Join(parts, "; ")
}

func (g *guarding) dayOf(place string, unix int64) string {
	if unix == dawn || unix == doom {
		return ""
	}
	return string(g.engine.bundle.today(time.Unix(unix, 0), place))
}
