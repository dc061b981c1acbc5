package governance

import (
	"slices"

	"github.com/quorate/quorate/flags"
)

// A Subject is what a motion is about. Which fields are set depends on its kind.
type Subject struct {
	Clinical   bool            `json:"clinical,omitempty"`                   // a quorum of physicians is asked for
	Capability string          `json:"capability,omitempty"`                 // offer, rescind, retire, ratify
	Offer      flags.OfferKind `json:"offer,omitempty"`                      // offer
	Terms      flags.Terms     `json:"terms,omitzero"`                       // offer
	RetireBy   string          `json:"retire_by,omitempty" maxLength:"10"`   // retire: the last day
	WindDown   string          `json:"wind_down,omitempty"`                  // retire: what becomes of patients in progress
	Cycle      string          `json:"cycle,omitempty"`                      // direction, priority
	Goals      []Goal          `json:"goals,omitempty" nullable:"false"`     // direction
	Charter    *Charter        `json:"charter,omitempty"`                    // charter
	Bundle     string          `json:"bundle,omitempty" maxLength:"128"`     // activate: digest
	Cases      []string        `json:"cases,omitempty" nullable:"false"`     // priority, rating: ids
	SetAside   []string        `json:"set_aside,omitempty" nullable:"false"` // priority: funded first, as law or a promise requires
	Budget     int64           `json:"budget,omitempty" minimum:"0"`         // priority, in the unit of the costs
	Motion     string          `json:"motion,omitempty" maxLength:"64"`      // adopt: the priority motion; rating: the round before
	Options    []Option        `json:"options,omitempty" nullable:"false"`   // choice
	StatusQuo  string          `json:"status_quo,omitempty" maxLength:"64"`  // choice: the option to leave things as they are
	Portfolio  []string        `json:"portfolio,omitempty" nullable:"false"` // adopt: the cases, as drafted or changed by consent
	About      string          `json:"about,omitempty" maxLength:"2000"`     // anything: where it comes from
	Body       *Founding       `json:"body,omitempty"`                       // found
}

// A Goal is one of the year's strategic goals.
type Goal struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// An Option is one of several that a body chooses among.
type Option struct {
	Key   string `json:"key"`
	Title string `json:"title"`
}

// check says what is wrong with a subject for a kind of motion. Whether what it
// names exists is for the one who can see it.
func (s Subject) check(k Kind, c Charter) error {
	if s.About != "" && !plain(s.About, 2000) {
		return bad("/subject/about", s.About, "at most 2,000 characters")
	}
	if s.Charter != nil && k != Amendment {
		return bad("/subject/charter", "", "only a motion of the kind charter holds a charter")
	}
	switch k {
	case OfferIt, Rescind, Retire, Ratify:
		return s.checkCapability(k, c)
	case Direction:
		return s.checkGoals()
	case Amendment:
		if s.Charter == nil {
			return bad("/subject/charter", "", "say what the new charter is, as a whole")
		}
		return s.Charter.Check()
	case Found:
		if s.Body == nil {
			return bad("/subject/body", "", "say what the new body is, with who sits in it")
		}
		return s.Body.Check()
	case Activate:
		if !plain(s.Bundle, 128) {
			return bad("/subject/bundle", s.Bundle, "name the bundle by its digest")
		}
	case Priority:
		return s.checkPriority()
	case Rating:
		return checkKeys("/subject/cases", s.Cases, 1, MaxOptions)
	case Adopt:
		if s.Motion == "" {
			return bad("/subject/motion", "", "name the priority motion whose portfolio is adopted")
		}
		return checkKeys("/subject/portfolio", s.Portfolio, 0, MaxOptions)
	case Choice:
		return s.checkOptions()
	}
	return nil
}

func (s Subject) checkCapability(k Kind, c Charter) error {
	switch {
	case s.Capability == "":
		return bad("/subject/capability", "", "name the capability")
	case k == OfferIt && !slices.Contains(flags.OfferKinds, s.Offer):
		return bad("/subject/offer", string(s.Offer), "the kinds of an offer are %v", flags.OfferKinds)
	case k == OfferIt && c.Emergency != nil && s.Offer != flags.Provisional:
		return bad("/subject/offer", string(s.Offer), "an emergency body offers provisionally, and no otherwise")
	case k == Retire && (s.RetireBy == "" || !plain(s.WindDown, 1000)):
		return bad("/subject/retire_by", s.RetireBy, "say by which day it retires, and with wind_down what becomes of patients in progress")
	}
	return nil
}

func (s Subject) checkGoals() error {
	if s.Cycle == "" {
		return bad("/subject/cycle", "", "name the cycle whose goals these are")
	}
	if len(s.Goals) < 3 || len(s.Goals) > 5 {
		return bad("/subject/goals", "", "a year has three to five goals")
	}
	var keys []string
	for _, g := range s.Goals {
		if !plain(g.Text, 500) {
			return bad("/subject/goals", g.Key, "a goal is said in 1 to 500 characters")
		}
		keys = append(keys, g.Key)
	}
	return checkKeys("/subject/goals", keys, 3, 5)
}

func (s Subject) checkPriority() error {
	if s.Cycle == "" {
		return bad("/subject/cycle", "", "name the cycle whose budget this is")
	}
	if s.Budget < 1 {
		return bad("/subject/budget", "", "say how much there is to divide")
	}
	if err := checkKeys("/subject/cases", s.Cases, 1, MaxOptions); err != nil {
		return err
	}
	if err := checkKeys("/subject/set_aside", s.SetAside, 0, MaxOptions); err != nil {
		return err
	}
	for _, id := range s.SetAside {
		if slices.Contains(s.Cases, id) {
			return bad("/subject/set_aside", id, "a case that is set aside is not on the ballot as well")
		}
	}
	return nil
}

func (s Subject) checkOptions() error {
	var keys []string
	for _, o := range s.Options {
		if !plain(o.Title, MaxTitle) {
			return bad("/subject/options", o.Key, "an option has a title of 1 to %d characters", MaxTitle)
		}
		keys = append(keys, o.Key)
	}
	if err := checkKeys("/subject/options", keys, 2, MaxOptions); err != nil {
		return err
	}
	if s.StatusQuo != "" && !slices.Contains(keys, s.StatusQuo) {
		return bad("/subject/status_quo", s.StatusQuo, "it is one of the options")
	}
	return nil
}

// checkKeys demands so many keys, each named once.
func checkKeys(field string, keys []string, least, most int) error {
	if len(keys) < least || len(keys) > most {
		return bad(field, "", "name %d to %d", least, most)
	}
	for i, k := range keys {
		if !keyWord.MatchString(k) || slices.Contains(keys[:i], k) {
			return bad(field, k, "each is a key of lower-case letters, digits and hyphens, named once")
		}
	}
	return nil
}
