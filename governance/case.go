package governance

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Case is a business case: what a ballot on priorities is about. Each change is a
// new version, and a ballot binds the version it was cast on.
type Case struct {
	ID           string   `json:"id,omitempty"`
	Version      int      `json:"version,omitempty"`
	Cycle        string   `json:"cycle"`
	Title        string   `json:"title"`
	Goal         string   `json:"goal"` // one of the cycle's
	Needs        []string `json:"needs,omitempty" nullable:"false"`
	Capabilities []string `json:"capabilities,omitempty" nullable:"false"` // that it brings or changes

	Problem   string                  `json:"problem"`
	Benefits  string                  `json:"benefits"` // who, and how
	Cost      Cost                    `json:"cost"`
	Regions   map[string]RegionEffect `json:"regions"` // by region
	Impact    []ImpactLine            `json:"impact" nullable:"false"`
	Harms     []Harm                  `json:"harms" nullable:"false"`
	Evidence  string                  `json:"evidence"`
	Outlook   string                  `json:"outlook"`              // of regulation
	Required  string                  `json:"required,omitempty"`   // by which law, if it is
	CarriedOn string                  `json:"carried_on,omitempty"` // from which cycle, if it is

	State   CaseState `json:"state,omitempty"`
	Written Act       `json:"written,omitzero"` // this version
	First   Act       `json:"first,omitzero"`
	Funded  string    `json:"funded,omitempty"`                  // the motion that adopted it
	Labels  []string  `json:"labels,omitempty" nullable:"false"` // "illustrative"
}

// CaseState is where a case is.
type CaseState string

// The states of a case.
const (
	Draft         CaseState = "draft"
	Submitted     CaseState = "submitted" // complete, and put before the body
	CaseWithdrawn CaseState = "withdrawn"
	CaseFunded    CaseState = "funded"
)

// A Cost is an estimate in whole units of the cycle's currency.
type Cost struct {
	Low      int64 `json:"low" minimum:"0"`
	Expected int64 `json:"expected" minimum:"0"`
	High     int64 `json:"high" minimum:"0"`
}

// A RegionEffect says what a case means for one region.
type RegionEffect struct {
	Gains     string   `json:"gains"`
	Workload  string   `json:"workload"` // who bears it
	Revenue   string   `json:"revenue"`
	Systems   []string `json:"systems,omitempty" nullable:"false"`
	Readiness string   `json:"readiness"`
}

// An ImpactLine is what is expected on one of the five ways in which a portal
// matters, to be checked on a day.
type ImpactLine struct {
	Area     string `json:"area"` // one of Areas
	Score    int    `json:"score" minimum:"-2" maximum:"2"`
	ForWhom  string `json:"for_whom"`
	Baseline string `json:"baseline"`
	CheckOn  string `json:"check_on"` // YYYY-MM-DD
}

// Areas are the five ways (Otte-Trojel et al., BMC Health Services Research 2015).
var Areas = []string{"access", "transparency", "interaction", "connection", "efficiency"}

// Harms that a case has to consider, of the same study.
var HarmKinds = []string{"anxiety", "less_personal", "workload", "unequal_use"}

// A Harm is one that was considered.
type Harm struct {
	Kind       string `json:"kind"` // one of HarmKinds
	Considered string `json:"considered"`
	Mitigation string `json:"mitigation"`
}

func (c Case) in(ids []string) bool { return slices.Contains(ids, c.ID) }

// check says what is wrong with a case, complete or not: what is there must make
// sense.
func (c Case) check() error {
	switch {
	case !keyWord.MatchString(c.ID):
		return bad("/id", c.ID, "a case has an id of lower-case letters, digits and hyphens")
	case !keyWord.MatchString(c.Cycle):
		return bad("/cycle", c.Cycle, "name the cycle, such as 2027")
	case !plain(c.Title, MaxTitle):
		return bad("/title", c.Title, "a title has 1 to %d characters", MaxTitle)
	case c.Cost.Low < 0 || c.Cost.Low > c.Cost.Expected || c.Cost.Expected > c.Cost.High || c.Cost.High > 1e12:
		return bad("/cost", fmt.Sprint(c.Cost.Expected), "the low estimate is at most the expected one, and that at most the high one")
	case len(c.Regions) > 60 || len(c.Impact) > 20 || len(c.Harms) > 20 || len(c.Needs) > 50 || len(c.Capabilities) > 20 || len(c.Labels) > 5:
		return bad("/", c.ID, "that is more lines than a case has")
	}
	if err := c.checkTexts(); err != nil {
		return err
	}
	for i, l := range c.Impact {
		if err := l.check(fmt.Sprintf("/impact/%d", i)); err != nil {
			return err
		}
	}
	for i, h := range c.Harms {
		if !slices.Contains(HarmKinds, h.Kind) {
			return bad(fmt.Sprintf("/harms/%d/kind", i), h.Kind, "the harms to consider are %v", HarmKinds)
		}
	}
	return nil
}

func (c Case) checkTexts() error {
	texts := map[string]string{"/problem": c.Problem, "/benefits": c.Benefits, "/evidence": c.Evidence, "/outlook": c.Outlook,
		"/required": c.Required, "/carried_on": c.CarriedOn, "/goal": c.Goal}
	for i, h := range c.Harms {
		texts[fmt.Sprintf("/harms/%d/considered", i)], texts[fmt.Sprintf("/harms/%d/mitigation", i)] = h.Considered, h.Mitigation
	}
	for region, e := range c.Regions {
		at := "/regions/" + region
		if !keyWord.MatchString(region) {
			return bad("/regions", region, "name a region by its key")
		}
		texts[at+"/gains"], texts[at+"/workload"], texts[at+"/revenue"], texts[at+"/readiness"] = e.Gains, e.Workload, e.Revenue, e.Readiness
	}
	for _, at := range slices.Sorted(maps.Keys(texts)) {
		if t := texts[at]; t != "" && !plain(t, 2000) {
			return bad(at, t, "at most 2,000 printable characters")
		}
	}
	for _, list := range [][]string{c.Needs, c.Capabilities, c.Labels} {
		for _, s := range list {
			if !plain(s, 64) {
				return bad("/", s, "name each by its key")
			}
		}
	}
	return nil
}

func (l ImpactLine) check(at string) error {
	switch {
	case !slices.Contains(Areas, l.Area):
		return bad(at+"/area", l.Area, "the areas are %v", Areas)
	case l.Score < -2 || l.Score > 2:
		return bad(at+"/score", fmt.Sprint(l.Score), "a whole number from -2, much worse, to 2, much better")
	case !plain(l.ForWhom, 200) || !plain(l.Baseline, 500):
		return bad(at, l.Area, "say for whom, in up to 200 characters, and against which baseline, in up to 500")
	}
	if d, err := time.Parse(time.DateOnly, l.CheckOn); err != nil || d.Format(time.DateOnly) != l.CheckOn {
		return bad(at+"/check_on", l.CheckOn, "say on which day (YYYY-MM-DD) it is checked")
	}
	return nil
}

// Missing lists the required lines that are empty. A case with one stays off the
// ballot.
func (c Case) Missing() []string {
	var list []string
	for _, l := range []struct{ line, text string }{{"goal", c.Goal}, {"problem", c.Problem}, {"benefits", c.Benefits},
		{"evidence", c.Evidence}, {"outlook", c.Outlook}} {
		if l.text == "" {
			list = append(list, l.line)
		}
	}
	if c.Cost.Expected < 1 {
		list = append(list, "cost")
	}
	if len(c.Regions) == 0 {
		list = append(list, "regions")
	}
	for _, r := range slices.Sorted(maps.Keys(c.Regions)) {
		if e := c.Regions[r]; e.Gains == "" || e.Workload == "" || e.Revenue == "" || e.Readiness == "" {
			list = append(list, "regions/"+r)
		}
	}
	for _, area := range Areas {
		if !slices.ContainsFunc(c.Impact, func(l ImpactLine) bool { return l.Area == area }) {
			list = append(list, "impact/"+area)
		}
	}
	for _, kind := range HarmKinds {
		if !slices.ContainsFunc(c.Harms, func(h Harm) bool { return h.Kind == kind && h.Considered != "" && h.Mitigation != "" }) {
			list = append(list, "harms/"+kind)
		}
	}
	return list
}

// rewrite makes the next version of a case.
func rewrite(before, after Case, act Act) (Case, error) {
	after.State, after.Version, after.Written, after.First, after.Funded = Draft, 1, act, act, ""
	if before.ID != "" {
		if before.State == CaseFunded || before.State == CaseWithdrawn {
			return after, fault.New(fault.Refused, "case_"+string(before.State), "the case %s is %s", before.ID, before.State).Do("write another")
		}
		if before.Cycle != after.Cycle {
			return after, bad("/cycle", after.Cycle, "a case stays in its cycle, %s; write another, carried on from it", before.Cycle)
		}
		after.Version, after.First, after.State = before.Version+1, before.First, before.State
	}
	if err := after.check(); err != nil {
		return after, err
	}
	if missing := after.Missing(); after.State == Submitted && len(missing) > 0 {
		return after, incomplete(after, missing)
	}
	return after, nil
}

func incomplete(c Case, missing []string) error {
	return fault.New(fault.Refused, "case_incomplete", "the case %s has required lines that are empty: %v", c.ID, missing).Do("fill them in")
}

// submit puts a case before the body.
func submit(c Case, act Act) (Case, error) {
	if c.State != Draft {
		return c, fault.New(fault.Refused, "case_"+string(c.State), "the case %s is %s", c.ID, c.State).Do("nothing needs to be done")
	}
	if missing := c.Missing(); len(missing) > 0 {
		return c, incomplete(c, missing)
	}
	c.State, c.Written = Submitted, act
	return c, nil
}

// fund is a case whose portfolio was adopted.
func (c Case) fund(motion string) Case {
	c.State, c.Funded = CaseFunded, motion
	return c
}

func unknownCase(id string) error {
	return fault.New(fault.NotFound, "unknown_case", "there is no business case %.80q", id).Do("list them with `quorate case list`")
}
