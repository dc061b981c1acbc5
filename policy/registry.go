package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// A Record is what the registry holds of one rule.
type Record struct {
	ID string `yaml:"-" json:"id"`

	Title    string `yaml:"title" json:"title"`
	Citation string `yaml:"citation" json:"citation"`

	Region        string   `yaml:"-" json:"region,omitempty"`          // of a region's own procedure: it binds that region alone
	Jurisdictions []string `yaml:"jurisdictions" json:"jurisdictions"` // "*" is everywhere
	Actors        []string `yaml:"actors" json:"actors"`
	Capabilities  []string `yaml:"capabilities" json:"capabilities"`
	Phase         string   `yaml:"phase" json:"phase"` // E, R, E+R: as the rule acts here
	Acts          []string `yaml:"acts" json:"acts"`   // enable, restrict, use

	Effective Day       `yaml:"effective" json:"effective"` // first day in force
	Sunset    Day       `yaml:"sunset" json:"sunset"`       // first day no longer
	TimeZone  string    `yaml:"time_zone" json:"time_zone"` // local: each jurisdiction's own
	Status    string    `yaml:"status" json:"status"`
	History   []Event   `yaml:"history" json:"history,omitempty"`
	Settings  []Setting `yaml:"settings" json:"settings,omitempty"`

	Location       string `yaml:"location" json:"location,omitempty"` // the fact it goes by
	LocationAbsent string `yaml:"location_absent" json:"location_absent,omitempty"`
	Needs          []Need `yaml:"needs" json:"needs,omitempty"`

	WaivableBy []string `yaml:"waivable_by" json:"waivable_by"`
	Point      string   `yaml:"point" json:"point"` // flag, service, ehr
	// PointFor is the point for some capabilities, where it is another.
	PointFor map[string]string `yaml:"point_for" json:"point_for,omitempty"`
	// Lease, in seconds, makes every capability that the rule reaches strict: a flag
	// that has not been heard of for so long is off. 0 is for ever.
	Lease        int          `yaml:"lease" json:"lease,omitempty"`
	Monotone     bool         `yaml:"monotone" json:"monotone"`
	GraceDays    int          `yaml:"grace_days" json:"grace_days,omitempty"`
	Relaxations  []Relaxation `yaml:"relaxations" json:"relaxations,omitempty"`
	Opinion      *Opinion     `yaml:"opinion" json:"opinion,omitempty"`
	Owner        string       `yaml:"owner" json:"owner,omitempty"`
	Confidence   string       `yaml:"confidence" json:"confidence"`
	Unconfirmed  string       `yaml:"unconfirmed" json:"unconfirmed,omitempty"`
	Sources      []string     `yaml:"sources" json:"sources,omitempty"`
	ReviewDue    Day          `yaml:"review_due" json:"review_due"`
	SupersededBy string       `yaml:"superseded_by" json:"superseded_by,omitempty"`
	Note         string       `yaml:"note" json:"note,omitempty"`

	registered *Record // as the registry has it, if counsel's opinion was put into this one
}

// An Event is a line of a rule's history.
type Event struct {
	Status string `yaml:"status" json:"status"`
	From   Day    `yaml:"from" json:"from"`
}

// A Setting is what a rule says from a day on: figures and switches that its
// predicate reads, so that the predicate needs no dates.
type Setting map[string]any

func (s Setting) from() Day {
	day, _ := s["from"].(string)
	return Day(day)
}

// A Need is a fact that a rule looks at, and what it means if it is absent:
// missing (the caller must say), unmet (the condition does not hold) or
// inapplicable (the rule has nothing to say).
type Need struct {
	Fact   string   `yaml:"fact" json:"fact"`
	Absent string   `yaml:"absent" json:"absent"`
	For    []string `yaml:"for" json:"for,omitempty"`         // only these capabilities
	NotFor []string `yaml:"not_for" json:"not_for,omitempty"` // not these actions
}

// A Relaxation would lift a rule's own denial, were it law.
type Relaxation struct {
	ID        string   `yaml:"id" json:"id"`
	Title     string   `yaml:"title" json:"title"`
	Citation  string   `yaml:"citation" json:"citation"`
	Status    string   `yaml:"status" json:"status"`
	Effective Day      `yaml:"effective" json:"effective"`
	Owner     string   `yaml:"owner" json:"owner"`
	Due       Day      `yaml:"due" json:"due"`
	Question  string   `yaml:"question" json:"question"`
	Opinion   *Opinion `yaml:"opinion" json:"opinion,omitempty"`
}

// An Opinion is counsel's answer to a legal question, as data: who said what, from
// which day, until when it holds.
type Opinion struct {
	Outcome string `yaml:"outcome" json:"outcome"` // confirmed, rejected
	By      string `yaml:"by" json:"by"`
	From    Day    `yaml:"from" json:"from"`
	Until   Day    `yaml:"until" json:"until,omitempty"`
}

// says is the outcome that holds today, or nothing.
func (o *Opinion) says(today Day) string {
	if o == nil || !o.From.begun(today) || o.Until.over(today) {
		return ""
	}
	return o.Outcome
}

func (o *Opinion) days() []Day {
	if o == nil {
		return nil
	}
	return []Day{o.From, o.Until}
}

// reaches reports whether the rule is about this case at all, whatever the day.
func (r *Record) reaches(c *situation) bool {
	return (r.Region == "" || r.Region == c.in.Region) && (slices.Contains(r.Jurisdictions, c.jurisdiction) || slices.Contains(r.Jurisdictions, "*")) &&
		slices.Contains(r.Capabilities, c.in.Capability) && slices.Contains(r.Actors, c.in.Actor)
}

// acts reports whether the rule is decided in this phase and for this act.
func (r *Record) acts(phase Phase, act string) bool {
	letter := "E"
	if phase == Evaluation {
		letter = "R"
	}
	return strings.Contains(r.Phase, letter) && slices.Contains(r.Acts, act)
}

// enforcedBy is the point that enforces the rule for a capability.
func (r *Record) enforcedBy(capability string) string {
	if point, other := r.PointFor[capability]; other {
		return point
	}
	return r.Point
}

// inForce lets the dates decide. The status only keeps out what never was law.
func (r *Record) inForce(today Day) bool {
	switch r.Status {
	case "proposed", "repealed_before_effect":
		return false
	}
	return r.Effective.begun(today) && !r.Sunset.over(today)
}

// setting is the newest whose day has come.
func (r *Record) setting(today Day) Setting {
	current := Setting{}
	for _, s := range r.Settings {
		if s.from().begun(today) {
			current = s
		}
	}
	return current
}

// waivable lists the classes that may waive the rule today; a setting may narrow
// what the record says.
func (r *Record) waivable(today Day) []string {
	list, ok := r.setting(today)["waivable_by"].([]any)
	if !ok {
		return r.WaivableBy
	}
	var classes []string
	for _, v := range list {
		if class, ok := v.(string); ok {
			classes = append(classes, class)
		}
	}
	return classes
}

// boundaries are the days on which what the rule says may change.
func (r *Record) boundaries() []Day {
	if r.Status == "proposed" || r.Status == "repealed_before_effect" {
		return nil
	}
	days := append([]Day{r.Effective, r.Sunset}, r.Opinion.days()...)
	for _, s := range r.Settings {
		days = append(days, s.from())
	}
	for _, x := range r.Relaxations {
		days = append(append(days, x.Effective), x.Opinion.days()...)
	}
	return days
}

// Digest names the record's content, but for opinions that were given later. A waiver
// is given for one content only.
func (r *Record) Digest() string {
	if r.registered != nil {
		return r.registered.Digest()
	}
	raw, _ := json.Marshal(r) // strings, numbers and lists always marshal
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
