package governance

import (
	"fmt"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Note is what a region has learned with a capability, for the others to see when
// they decide.
type Note struct {
	ID         string `json:"id"`
	Region     string `json:"region"`
	Capability string `json:"capability"`
	Configured string `json:"configured"` // how it is on there
	Learned    string `json:"learned"`
	Measured   string `json:"measured,omitempty"`
	Shared     Act    `json:"shared"`
}

func (n Note) check() error {
	for field, text := range map[string]string{"/configured": n.Configured, "/learned": n.Learned} {
		if !plain(text, 2000) {
			return bad(field, text, "say it in 1 to 2,000 characters")
		}
	}
	if n.Measured != "" && !plain(n.Measured, 2000) {
		return bad("/measured", n.Measured, "at most 2,000 characters")
	}
	return nil
}

// A Concern is what a clinician or a call centre reports of a live capability. It is
// triaged by a deadline.
type Concern struct {
	ID         string    `json:"id"`
	Region     string    `json:"region"`
	Capability string    `json:"capability"`
	Severity   string    `json:"severity"` // one of Severities
	Text       string    `json:"text"`
	Raised     Act       `json:"raised"`
	TriageBy   time.Time `json:"triage_by"`
	Triaged    *Act      `json:"triaged,omitempty"` // with what is done about it
	Verdict    Verdict   `json:"verdict,omitempty"`
}

// Severities of a concern, each with the time within which it is triaged.
var Severities = map[string]time.Duration{"safety": 24 * time.Hour, "serious": 3 * 24 * time.Hour, "minor": 14 * 24 * time.Hour}

// Verdict is what triage made of a concern.
type Verdict string

// Verdicts lists what triage can say.
var Verdicts = []Verdict{"turned_off", "changed", "watched", "no_change"}

func raiseConcern(c Concern, act Act) (Concern, error) {
	within, ok := Severities[c.Severity]
	if !ok {
		return c, bad("/severity", c.Severity, "a concern is safety, serious or minor")
	}
	if !plain(c.Text, 2000) {
		return c, bad("/text", c.Text, "say in 1 to 2,000 characters what happened, without naming a patient")
	}
	c.Raised, c.TriageBy, c.Triaged, c.Verdict = act, act.At.Add(within), nil, ""
	return c, nil
}

func (c Concern) triage(v Verdict, act Act) (Concern, error) {
	if c.Triaged != nil {
		return c, fault.New(fault.Refused, "triaged_already", "the concern %s was triaged by %s", c.ID, c.Triaged.By.Name).Do("raise another if something new has happened")
	}
	if !slices.Contains(Verdicts, v) {
		return c, bad("/verdict", string(v), "triage says one of %v", Verdicts)
	}
	c.Verdict, c.Triaged = v, &act
	return c, nil
}

// A Review checks, when it is due, what a funded case promised.
type Review struct {
	Case    string     `json:"case"`
	Lines   []Measured `json:"lines" nullable:"false"`
	Harms   string     `json:"harms"`
	Verdict string     `json:"verdict"` // keep, change, retire
	Written Act        `json:"written"`
}

// Measured is one line of a case's impact as it turned out.
type Measured struct {
	Area     string `json:"area"`
	Promised int    `json:"promised,omitempty"`
	Found    int    `json:"found" minimum:"-2" maximum:"2"`
	Evidence string `json:"evidence"`
}

// review fills in what was promised and refuses a review that leaves a promise out.
func review(r Review, c Case, act Act) (Review, error) {
	if c.State != CaseFunded {
		return r, fault.New(fault.Refused, "case_"+string(c.State), "the case %s is %s, and only one that was funded is reviewed", c.ID, c.State).Do("wait until it is")
	}
	if !plain(r.Harms, 2000) || !slices.Contains([]string{"keep", "change", "retire"}, r.Verdict) {
		return r, bad("/verdict", r.Verdict, "say keep, change or retire, and in harms which harms were seen")
	}
	r.Lines = slices.Clone(r.Lines)
	for i, l := range r.Lines {
		at := fmt.Sprintf("/lines/%d", i)
		promised := slices.IndexFunc(c.Impact, func(p ImpactLine) bool { return p.Area == l.Area })
		if promised < 0 || l.Found < -2 || l.Found > 2 || !plain(l.Evidence, 1000) {
			return r, bad(at, l.Area, "name an area that the case promised something for, what was found from -2 to 2, and by which evidence")
		}
		r.Lines[i].Promised = c.Impact[promised].Score
	}
	for _, p := range c.Impact {
		if !slices.ContainsFunc(r.Lines, func(l Measured) bool { return l.Area == p.Area }) {
			return r, bad("/lines", p.Area, "the case promised something for %s: say what was found", p.Area)
		}
	}
	r.Written = act
	return r, nil
}
