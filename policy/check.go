package policy

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// vocabulary holds the closed words of a bundle.
type vocabulary struct {
	Actors              []string              `yaml:"actors"`
	Phases              []string              `yaml:"phases"`
	Acts                []string              `yaml:"acts"`
	Statuses            []string              `yaml:"statuses"`
	Points              []string              `yaml:"points"`
	Absent              []string              `yaml:"absent"`
	Locations           []string              `yaml:"locations"`
	Confidence          []string              `yaml:"confidence"`
	WaiverClasses       []string              `yaml:"waiver_classes"`
	StoredWaiverClasses []string              `yaml:"stored_waiver_classes"`
	Capabilities        []string              `yaml:"capabilities"`
	Evidence            []string              `yaml:"evidence"`
	Obligations         map[string]obligation `yaml:"obligations"`
	Request             map[string]any        `yaml:"request"`
	Config              map[string]any        `yaml:"config"`
	Facts               map[string]any        `yaml:"facts"`
	FlagFacts           []string              `yaml:"flag_facts"` // those that a flag may know
}

// An obligation kind says who performs it and how two of a kind are merged.
type obligation struct {
	Point string            `yaml:"point"`
	Merge map[string]string `yaml:"merge"`
}

// maxLease is a day: what may be stale for longer needs no lease.
const maxLease = 24 * 60 * 60

var ruleID = regexp.MustCompile(`^[A-Z]{2,16}(-[A-Z0-9]+)+$`)

// problems collects what is wrong, each with the file and the rule.
type problems struct {
	bundle *Bundle
	list   []error
}

func (p *problems) add(id, format string, args ...any) {
	p.list = append(p.list, fmt.Errorf("%s: %s: %s", p.bundle.origin[id], id, fmt.Sprintf(format, args...)))
}

// among refuses words that are not in the vocabulary.
func (p *problems) among(id, field string, known []string, words ...string) {
	for _, w := range words {
		if !slices.Contains(known, w) {
			p.add(id, "%s %q is not one of %v", field, w, known)
		}
	}
}

func (p *problems) must(id string, ok bool, format string, args ...any) {
	if !ok {
		p.add(id, format, args...)
	}
}

// check holds the registry to its schema, and registry and packages to each other.
func (b *Bundle) check() []error {
	p := &problems{bundle: b}
	b.places.zones = map[string]*time.Location{}
	for _, place := range sortedKeys(b.places.Places) {
		zone, err := time.LoadLocation(b.places.Places[place].Zone)
		if err != nil || b.places.Places[place].Zone == "" {
			p.list = append(p.list, fmt.Errorf("jurisdictions/data.yaml: %s: zone %q is not known", place, b.places.Places[place].Zone))
			continue
		}
		b.places.zones[place] = zone
	}
	for _, region := range sortedKeys(b.places.Regions) {
		for _, place := range b.places.Regions[region] {
			if b.places.zones[place] == nil {
				p.list = append(p.list, fmt.Errorf("jurisdictions/data.yaml: region %s: jurisdiction %q is not known", region, place))
			}
		}
	}
	b.checkTables(p)
	for _, id := range sortedKeys(b.Records) {
		p.record(b.Records[id])
		p.dates(b.Records[id])
		p.must(id, b.origin["rego:"+id] != "", "no package quorate.rules[%q]", id)
	}
	for _, key := range sortedKeys(b.origin) {
		if id, isPackage := cutRego(key); isPackage && b.Records[id] == nil {
			p.list = append(p.list, fmt.Errorf("%s: %s: no record in the registry", b.origin[key], id))
		}
	}
	return p.list
}

func cutRego(key string) (string, bool) {
	const prefix = "rego:"
	if len(key) > len(prefix) && key[:len(prefix)] == prefix {
		return key[len(prefix):], true
	}
	return "", false
}

func (p *problems) record(r *Record) {
	words, id := &p.bundle.words, r.ID
	p.must(id, ruleID.MatchString(id), "an id is like CA-HSC-123148-SENSITIVE")
	p.must(id, r.Title != "" && r.Citation != "", "title and citation are empty")
	for field, list := range map[string][]string{"jurisdictions": r.Jurisdictions, "actors": r.Actors, "capabilities": r.Capabilities, "acts": r.Acts} {
		p.must(id, len(list) > 0, "%s is empty", field)
	}
	for _, place := range r.Jurisdictions {
		p.must(id, place == "*" || p.bundle.places.zones[place] != nil, "jurisdiction %q is not known", place)
	}
	p.among(id, "actor", words.Actors, r.Actors...)
	p.among(id, "capability", words.Capabilities, r.Capabilities...)
	p.among(id, "phase", words.Phases, r.Phase)
	p.among(id, "act", words.Acts, r.Acts...)
	p.among(id, "status", words.Statuses, r.Status)
	p.among(id, "enforcement point", words.Points, r.Point)
	for _, capability := range sortedKeys(r.PointFor) {
		p.among(id, "point_for", r.Capabilities, capability)
		p.among(id, "enforcement point", words.Points, r.PointFor[capability])
	}
	p.must(id, r.Lease >= 0 && r.Lease <= maxLease, "lease %d is not within 0 and %d seconds", r.Lease, maxLease)
	p.among(id, "confidence", words.Confidence, r.Confidence)
	p.among(id, "waiver class", words.WaiverClasses, r.WaivableBy...)
	p.must(id, r.TimeZone == "local", "time_zone %q: only local is known", r.TimeZone)
	p.must(id, r.ReviewDue != "", "review_due is empty")
	p.must(id, r.GraceDays >= 0 && r.GraceDays <= 365, "grace_days %d is not within 0 and 365", r.GraceDays)
	p.must(id, r.Confidence == "source" || r.Unconfirmed != "", "confidence is %s, but unconfirmed does not say what is", r.Confidence)
	p.must(id, r.SupersededBy == "" || p.bundle.Records[r.SupersededBy] != nil, "superseded_by %q is no rule", r.SupersededBy)
	if r.Location != "" {
		p.among(id, "location", words.Locations, r.Location)
		p.among(id, "location_absent", []string{"missing", "resolved"}, r.LocationAbsent)
	}
	for _, n := range r.Needs {
		p.must(id, words.Facts[n.Fact] != nil, "needs %q, which is no known fact", n.Fact)
		p.among(id, "absent", words.Absent, n.Absent)
		p.among(id, "needs for", r.Capabilities, n.For...)
	}
}

// dates sees to it that history, effective, sunset and settings tell one story.
func (p *problems) dates(r *Record) {
	id := r.ID
	p.day(id, "effective", r.Effective)
	p.day(id, "sunset", r.Sunset)
	p.day(id, "review_due", r.ReviewDue)
	p.must(id, r.Sunset == "" || r.Effective < r.Sunset, "sunset %s is not after effective %s", r.Sunset, r.Effective)
	p.must(id, r.Status != "vacated" || r.Sunset != "", "a vacated rule needs a sunset")
	p.must(id, r.Status != "future" || r.Effective != "", "a future rule needs an effective day")
	p.must(id, r.Status != "unverified" || r.Owner != "", "an unverified rule needs an owner who gets counsel's answer")
	last := Day("")
	for i, e := range r.History {
		p.day(id, "history from", e.From)
		p.among(id, "history status", p.bundle.words.Statuses, e.Status)
		p.must(id, e.From > last, "history line %d does not come after the one before", i+1)
		last = e.From
		p.must(id, e.Status != "in_force" || e.From == r.Effective, "history says in force from %s, effective says %s", e.From, r.Effective)
		p.must(id, e.Status != "vacated" || e.From == r.Sunset, "history says vacated from %s, sunset says %s", e.From, r.Sunset)
	}
	p.rows(id, "settings", r.Settings)
	for _, x := range r.Relaxations {
		p.must(id, x.ID != "" && x.Owner != "" && x.Due != "" && x.Question != "", "a relaxation needs id, owner, due and question")
		p.day(id, "relaxation effective", x.Effective)
		p.day(id, "relaxation due", x.Due)
		p.among(id, "relaxation status", p.bundle.words.Statuses, x.Status)
		p.opinion(id, x.Opinion)
	}
	p.opinion(id, r.Opinion)
}

func (p *problems) opinion(id string, o *Opinion) {
	if o != nil {
		p.among(id, "opinion", []string{"confirmed", "rejected"}, o.Outcome)
		p.day(id, "opinion from", o.From)
		p.day(id, "opinion until", o.Until)
		p.must(id, o.By != "" && o.From != "", "an opinion needs by and from")
	}
}

// day refuses a malformed date, which would otherwise drop its rule in silence.
func (p *problems) day(id, field string, d Day) {
	if d == "" {
		return
	}
	_, err := ParseDay(string(d))
	p.must(id, err == nil, "%s %q is not a day such as 2027-01-01", field, string(d))
}

// rows checks that dated lines follow one another.
func (p *problems) rows(id, field string, rows []Setting) {
	last := Day("")
	for i, s := range rows {
		if v := s["from"]; v != nil {
			text, _ := v.(string)
			_, err := ParseDay(text)
			p.must(id, err == nil, "%s line %d: from %v is not a day such as 2027-01-01", field, i+1, v)
		}
		p.must(id, i == 0 || s.from() > last, "%s line %d does not come after the one before", field, i+1)
		last = s.from()
		for _, key := range sortedKeys(s) { // in Rego null counts as true
			p.must(id, key == "from" || s[key] != nil, "%s line %d: %s is null", field, i+1, key)
		}
	}
}

func (b *Bundle) checkTables(p *problems) {
	for _, name := range sortedKeys(b.tables) {
		file := "tables/" + name + "/data.yaml"
		for _, place := range sortedKeys(b.tables[name].Rows) {
			b.origin["table:"+place] = file
			p.must("table:"+place, b.places.zones[place] != nil, "jurisdiction %q is not known", place)
			p.rows("table:"+place, "rows", b.tables[name].Rows[place])
		}
		p.day("table:"+name, "review_due", b.tables[name].ReviewDue)
		p.must("table:", b.tables[name].ReviewDue != "", "%s: review_due is empty", file)
	}
}
