package flags

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/twmb/murmur3"
	"pgregory.net/rapid"

	"github.com/quorate/quorate/internal/kv"
)

// The compiled definitions against a decision written straight down: for random
// capabilities that need each other, random hows, freezes and facilities, random
// people and times. On well-typed facts and where facts are missing they name the
// same variant; on facts of the wrong type they are never on where the decision
// says off.
func TestCompiledIsWhatItSays(t *testing.T) {
	causes := map[Cause]int{}
	for range 30 { // 3,000 cases, some 0.7 s
		rapid.Check(t, checkCase(causes))
	}
	for _, c := range []Cause{On, CapRetired, NoOffer, NotEnabled, WasTurnedOff, Scheduled, Ended, Prerequisite, NotReady, NotInAudience, NotInRollout, NoTargetingKey} {
		if causes[c] == 0 {
			t.Errorf("no case was %s: the test does not see it", c)
		}
	}
}

func checkCase(causes map[Cause]int) func(*rapid.T) {
	return func(t *rapid.T) {
		w := drawCase(t)
		in := w.compile(t)
		w.checkContract(t, in)
		for range 8 {
			ctx, typed := drawContext(t)
			at := drawMoment.Draw(t, "at")
			want := w.served(len(w.pairs)-1, ctx, at)
			r := in.flags[0].Evaluate(ctx, at)
			causes[want]++
			switch {
			case typed && (r.Variant != string(want) || r.Value != (want == On)):
				t.Fatalf("%v at %s: %s (%v %s), want %s\n%s", ctx, at, r.Variant, r.Value, r.ErrorDetails, want, in.flags[0].Definition())
			case r.Value == true && want != On:
				t.Fatalf("ill-typed %v at %s: on, want %s\n%s", ctx, at, want, in.flags[0].Definition())
			}
			for i, s := range w.pairs[len(w.pairs)-1].capability.Settings {
				if sr := in.flags[i+1].Evaluate(ctx, at); sr.Variant != r.Variant || sr.HasValue != r.HasValue {
					t.Fatalf("the setting %s is %s where the capability is %s", s.Key, sr.Variant, r.Variant)
				}
			}
		}
	}
}

// scene is one region with a chain of capabilities, each needing those before.
type scene struct {
	region     Region
	zone       *time.Location
	facilities []Facility
	freezes    []Freeze
	pairs      []inputs
}

// caseEpoch is where the time of the cases begins.
var caseEpoch = time.Date(2026, 12, 31, 7, 0, 0, 0, time.UTC)

var (
	// drawMoment draws every 7.5 minutes of a thousand days
	drawMoment = rapid.Map(rapid.Int64Range(0, 1000*24*3600/450), func(n int64) time.Time { return caseEpoch.Add(time.Duration(n*450) * time.Second) })
	drawLocal  = rapid.Map(drawMoment, func(t time.Time) string { return t.Format(LocalLayout) })
	words      = rapid.SampledFrom([]string{"aa", "bb", "cc"})
	someWords  = rapid.SliceOfNDistinct(words, 0, 2, rapid.ID)
)

func drawCase(t *rapid.T) scene {
	w := scene{region: Region{Key: "co", TimeZone: rapid.SampledFrom([]string{"America/Denver", "Pacific/Honolulu", "America/New_York"}).Draw(t, "zone")}}
	w.zone, _ = zones.load(w.region.TimeZone)
	for i := range rapid.IntRange(0, 2).Draw(t, "facilities") {
		w.facilities = append(w.facilities, Facility{Key: []string{"aa", "bb"}[i], Region: "co", Systems: someWords.Draw(t, "systems")})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "freezes") {
		f := Freeze{ID: fmt.Sprint("f", i), Region: "co", From: drawLocal.Draw(t, "freeze from"), To: drawLocal.Draw(t, "freeze to"), Created: Act{At: drawMoment.Draw(t, "set").Add(-300 * 24 * time.Hour)}}
		if rapid.IntRange(0, 3).Draw(t, "ended") == 0 {
			f.Ended = &Act{At: drawMoment.Draw(t, "ended at")}
		}
		w.freezes = append(w.freezes, f)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "capabilities") {
		w.pairs = append(w.pairs, drawPair(t, i))
	}
	return w
}

func drawPair(t *rapid.T, i int) inputs {
	often := func(label string) bool { return rapid.IntRange(0, 19).Draw(t, label) > 0 }
	in := inputs{position: unregulated, capability: Capability{Key: fmt.Sprint("cap_", i), Stage: Offered, Settings: []Setting{{Key: "s", Type: "integer", Off: 0.0, Default: 1.0}},
		Context: []string{readsLanguage, readsAge, readsFacility, readsServiceLine, readsCohorts, readsDevice}}}
	if rapid.IntRange(0, 9).Draw(t, "contract") == 0 {
		in.capability.Context = in.capability.Context[rapid.IntRange(1, 6).Draw(t, "undeclared"):]
	}
	if !often("stage") {
		in.capability.Stage = Retired
	}
	if rapid.Bool().Draw(t, "requires") {
		in.capability.RequiresSystems = someWords.Draw(t, "requires systems")
	}
	in.offer = Offer{Capability: in.capability.Key, Kind: Full}
	switch rapid.IntRange(0, 5).Draw(t, "offer") {
	case 0:
		in.offer.Kind, in.offer.Terms = Provisional, Terms{End: drawMoment.Draw(t, "end").Format(time.DateOnly)}
	case 1:
		in.offer.Kind, in.offer.Terms = Pilot, Terms{CapPercent: drawPercent.Draw(t, "cap"), End: "2029-06-30",
			Facilities: map[string][]string{"co": someWords.Draw(t, "pilot")}}
	}
	if !often("offered") {
		in.offer.Withdrawn = &Act{}
	}
	in.enablement = Enablement{Answer: Enable, How: drawHow(t, "own")}
	if !often("answered") {
		in.enablement.Answer = Later
	}
	if !often("turned off") {
		in.enablement.TurnedOff = &Act{}
	}
	in.baseline.How = drawHow(t, "base")
	switch rapid.IntRange(0, 2).Draw(t, "stance") {
	case 0:
		in.enablement.Follow = true
	case 1:
		in.enablement.Accepted = &Accepted{How: drawHow(t, "accepted")}
	}
	return in
}

var drawPercent = rapid.Map(rapid.OneOf(rapid.SampledFrom([]int{0, 1, 5000, 10_000}), rapid.IntRange(0, 10_000)), func(n int) *float64 {
	p := float64(n) / 100
	return &p
})

func drawHow(t *rapid.T, label string) (h How) {
	maybe := func(what string, f func()) {
		if rapid.IntRange(0, 3).Draw(t, label+" has "+what) == 0 {
			f()
		}
	}
	list := func(what string, to *[]string) { maybe(what, func() { *to = someWords.Draw(t, label+" "+what) }) }
	list("languages", &h.Audience.Languages)
	list("facilities", &h.Audience.Facilities)
	list("service lines", &h.Audience.ServiceLines)
	list("cohorts", &h.Audience.Cohorts)
	age := func(to **int) func() {
		return func() { n := rapid.IntRange(0, 150).Draw(t, label+" age"); *to = &n }
	}
	maybe("age min", age(&h.Audience.AgeMin))
	maybe("age max", age(&h.Audience.AgeMax))
	maybe("device", func() { b := rapid.Bool().Draw(t, label+" device"); h.Audience.RegisteredDevice = &b })
	time := func(to *string) func() {
		return func() { *to = rapid.OneOf(drawLocal, rapid.Just(None)).Draw(t, label+" time") }
	}
	maybe("from", time(&h.Schedule.From))
	maybe("until", time(&h.Schedule.Until))
	maybe("percent", func() { h.Rollout = &Rollout{Percent: drawPercent.Draw(t, label+" percent")} })
	maybe("stages", func() { h.Rollout = drawStages(t, label) })
	return h
}

func drawStages(t *rapid.T, label string) *Rollout {
	n := rapid.IntRange(1, 4).Draw(t, label+" stages")
	times := rapid.SliceOfNDistinct(drawLocal, n, n, rapid.ID).Draw(t, label+" at")
	shares := rapid.SliceOfN(drawPercent, n, n).Draw(t, label+" shares")
	slices.Sort(times)
	slices.SortFunc(shares, func(a, b *float64) int { return int(*a*100) - int(*b*100) })
	r := &Rollout{}
	for i := range n {
		r.Stages = append(r.Stages, RolloutStage{times[i], *shares[i]})
	}
	return r
}

// drawContext makes somebody, or somebody about whom the portal says nonsense.
func drawContext(t *rapid.T) (ctx map[string]any, typed bool) {
	typed = rapid.IntRange(0, 3).Draw(t, "typed") > 0
	nonsense := rapid.SampledFrom([]any{"", "44", "aa", 0.0, 44.0, true, false, []any{}, []any{"aa"}, map[string]any{}, map[string]any{"age": 44.0}, nil})
	fact := func(label string, proper *rapid.Generator[any]) any {
		if !typed && rapid.Bool().Draw(t, label+" is nonsense") {
			return nonsense.Draw(t, label)
		}
		if rapid.IntRange(0, 5).Draw(t, label+" is missing") == 0 {
			return nil
		}
		return proper.Draw(t, label)
	}
	word := rapid.Map(words, func(s string) any { return s })
	patient := map[string]any{"language": fact("language", word), "age": fact("age", rapid.Map(rapid.IntRange(0, 120), func(n int) any { return float64(n) })),
		"cohorts": fact("cohorts", rapid.Map(someWords, func(list []string) any {
			out := []any{}
			for _, s := range list {
				out = append(out, s)
			}
			return out
		}))}
	ctx = map[string]any{"facility": fact("facility", word), "service_line": fact("service line", word), "patient": fact("patient", rapid.Just[any](patient)),
		"device":     map[string]any{"registered": fact("registered", rapid.Map(rapid.Bool(), func(b bool) any { return b }))},
		targetingKey: fact("key", rapid.Map(rapid.StringMatching(`[a-z0-9]{1,8}`), func(s string) any { return s }))}
	for key, value := range ctx {
		if value == nil && rapid.Bool().Draw(t, "leave out") {
			delete(ctx, key)
		}
	}
	return ctx, typed
}

// compile does what a builder does for the last of the chain.
func (w *scene) compile(t *rapid.T) compiled {
	var needs []conditions
	var p compiled
	for i := range w.pairs {
		in := w.pairs[i]
		in.region, in.zone, in.frozen, in.needs = w.region, w.zone, spansOf(w.freezes, w.zone), slices.Clone(needs)
		in.facilities = map[string]kv.Record[Facility]{}
		for _, f := range w.facilities {
			in.facilities[f.Key] = kv.Record[Facility]{Value: f}
		}
		p = compiled{conditions: in.decide()}
		var err error
		if p.flags, err = compilations(nil).compile(in.capability, in.enablement.Effective(in.baseline), &p.conditions); err != nil {
			t.Fatal(err)
		}
		needs = append(needs, p.conditions)
	}
	return p
}

var variable = regexp.MustCompile(`"var":"([^"]*)"`)

// checkContract holds a definition to what its capabilities declare.
func (w *scene) checkContract(t *rapid.T, p compiled) {
	may := []string{"$flagd.timestamp", targetingKey, readsFacility, ""} // "" is the element of a list
	for _, in := range w.pairs {
		may = append(may, in.capability.Context...)
	}
	for _, m := range variable.FindAllStringSubmatch(string(p.flags[0].Definition()), -1) {
		if !slices.Contains(may, m[1]) {
			t.Fatalf("the definition reads %q, which no capability declares:\n%s", m[1], p.flags[0].Definition())
		}
	}
}

// served is the decision, written straight down.
func (w *scene) served(i int, ctx map[string]any, at time.Time) Cause {
	in := w.pairs[i]
	e, o := in.enablement, in.offer
	pilot := o.Kind == Pilot
	switch {
	case in.capability.Stage == Retired:
		return CapRetired
	case o.Withdrawn != nil || pilot && len(o.Facilities["co"]) == 0:
		return NoOffer
	case e.Answer != Enable:
		return NotEnabled
	case e.TurnedOff != nil:
		return WasTurnedOff
	case o.End != "" && at.In(w.zone).Format(time.DateOnly) > o.End:
		return NoOffer
	}
	h := e.Effective(in.baseline)
	switch {
	case h.Schedule.From != "" && at.Before(w.thawed(h.Schedule.From)):
		return Scheduled
	case h.Schedule.Until != "" && !at.Before(w.moment(h.Schedule.Until)):
		return Ended
	}
	for j := range i {
		if w.served(j, ctx, at) != On {
			return Prerequisite
		}
	}
	if !w.isReady(in.capability, ctx["facility"]) {
		return NotReady
	}
	facility, _ := ctx["facility"].(string)
	if !inAudience(h.Audience, ctx, in.capability) || pilot && (!in.capability.declares(readsFacility) || ctx["facility"] != any(facility) || !slices.Contains(o.Facilities["co"], facility)) {
		return NotInAudience
	}
	share := w.shareAt(h.Rollout, at)
	if o.CapPercent != nil {
		share = min(share, int(*o.CapPercent*100+0.5))
	}
	key, isText := ctx[targetingKey].(string)
	switch {
	case share == 0:
		return NotInRollout
	case share == 10_000:
		return On
	case !isText && ctx[targetingKey] != nil:
		return placeOf(in.capability.Key, fmt.Sprint(ctx[targetingKey]), share) // a scalar by its text, anything else by an error
	case key == "":
		return NoTargetingKey
	}
	return placeOf(in.capability.Key, key, share)
}

func placeOf(capability, key string, share int) Cause {
	if place := uint64(murmur3.StringSum32(capability+key)) * 10_000 >> 32; int(place) < share {
		return On
	}
	return NotInRollout
}

func (w *scene) moment(local string) time.Time {
	t, _ := instant(local, w.zone)
	return t
}

// thawed is a moment, or the end of the freezes it falls into.
func (w *scene) thawed(local string) time.Time {
	t := w.moment(local)
	for moved := true; moved; {
		moved = false
		for _, f := range w.freezes {
			from, to := w.moment(f.From), w.moment(f.To)
			if f.Created.At.After(from) {
				from = f.Created.At
			}
			if f.Ended != nil && f.Ended.At.Before(to) {
				to = f.Ended.At
			}
			if !t.Before(from) && t.Before(to) {
				t, moved = to, true
			}
		}
	}
	return t
}

func (w *scene) isReady(c Capability, facility any) bool {
	if len(c.RequiresSystems) == 0 || len(w.facilities) == 0 {
		return true
	}
	anyReady := false
	for _, f := range w.facilities {
		runs := true
		for _, s := range c.RequiresSystems {
			runs = runs && slices.Contains(f.Systems, s)
		}
		if runs && facility == any(f.Key) {
			return true
		}
		anyReady = anyReady || runs
	}
	return anyReady && facility == nil
}

// inAudience knows only what the capability declares that it reads.
func inAudience(a Audience, ctx map[string]any, c Capability) bool {
	for path, asked := range map[string]bool{readsLanguage: len(a.Languages) > 0, readsAge: a.AgeMin != nil || a.AgeMax != nil,
		readsFacility: len(a.Facilities) > 0, readsServiceLine: len(a.ServiceLines) > 0, readsCohorts: len(a.Cohorts) > 0, readsDevice: a.RegisteredDevice != nil} {
		if asked && !c.declares(path) {
			return false
		}
	}
	patient, _ := ctx["patient"].(map[string]any)
	device, _ := ctx["device"].(map[string]any)
	named := func(list []string, fact any) bool {
		word, ok := fact.(string)
		return len(list) == 0 || ok && slices.Contains(list, word)
	}
	if !named(a.Languages, patient["language"]) || !named(a.Facilities, ctx["facility"]) || !named(a.ServiceLines, ctx["service_line"]) {
		return false
	}
	if a.RegisteredDevice != nil && device["registered"] != true {
		return false
	}
	age, isNumber := patient["age"].(float64)
	if a.AgeMin != nil && (!isNumber || age < float64(*a.AgeMin)) || a.AgeMax != nil && (!isNumber || age > float64(*a.AgeMax)) {
		return false
	}
	cohorts, _ := patient["cohorts"].([]any)
	return len(a.Cohorts) == 0 || slices.ContainsFunc(cohorts, func(c any) bool { return named(a.Cohorts, c) })
}

// shareAt is the share of a rollout at a moment, in basis points.
func (w *scene) shareAt(r *Rollout, at time.Time) (share int) {
	switch {
	case r == nil:
		return 10_000
	case r.Percent != nil:
		return int(*r.Percent*100 + 0.5)
	}
	for _, s := range r.Stages {
		if !at.Before(w.thawed(s.At)) {
			share = int(s.Percent*100 + 0.5)
		}
	}
	return share
}

// Raising a percentage never puts anybody out, whoever it is and whatever the
// capability.
func TestRaisingAPercentageKeepsEverybody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-z][a-z0-9_]{0,20}`).Draw(t, "capability")
		person := rapid.StringN(1, 40, -1).Draw(t, "person")
		low := rapid.Int64Range(0, everyone).Draw(t, "low")
		high := rapid.Int64Range(low, everyone).Draw(t, "high")
		in := func(share int64) bool {
			cs := conditions{of: key, last: On}
			cs.rollout(key, rising([]step{{0, share}}), "")
			list, err := compilations(nil).compile(Capability{Key: key}, How{}, &cs)
			if err != nil {
				t.Fatal(err)
			}
			return list[0].Evaluate(map[string]any{targetingKey: person}, time.Unix(0, 0)).Value == true
		}
		if in(low) && !in(high) {
			t.Fatalf("%q is in at %d and not at %d", person, low, high)
		}
	})
}
