package ui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quorate/quorate/policy"
)

// Policy says which law and rules hold.
type Policy struct {
	Frame
	Standing policy.Standing
	Regions  []LayerRow // regions with procedures of their own
	Bundles  []policy.Pushed
}

func (Policy) name() string { return "policy" }

// A LayerRow is a layer of rules that holds.
type LayerRow struct {
	Whose      string
	Activation policy.Activation
}

// Rules is the registry of rules.
type Rules struct {
	Frame
	Rows       []RuleRow
	Filter     RuleFilter
	Total      int
	Places     []Choice
	Catalog    []Choice
	Boundaries []Boundary
	Law        bool // one is active
}

func (Rules) name() string { return "rules" }

// RuleFilter is which rules to show: of a capability, a place, on a day, that hold a
// word. Empty is no limit; On is never empty.
type RuleFilter struct {
	Word, Capability, Jurisdiction string
	On                             policy.Day
	All                            bool // those too that do not hold on that day
}

// A RuleRow is one rule of the registry.
type RuleRow struct {
	ID, Title, Citation string
	Where               string
	Holds               bool
	When                string
	Status              string
}

// A Boundary is a day on which rules begin or end.
type Boundary struct {
	Day   policy.Day
	Begin int
	End   int
}

// holdsOn reports whether a rule is in force on a day, by its dates.
func holdsOn(r *policy.Record, day policy.Day) bool {
	if r.Status == "proposed" || r.Status == "repealed_before_effect" {
		return false
	}
	return (r.Effective == "" || r.Effective <= day) && (r.Sunset == "" || day < r.Sunset)
}

func (f RuleFilter) wants(r *policy.Record) bool {
	in := func(list []string, value string) bool {
		return value == "" || slices.Contains(list, value) || slices.Contains(list, "*")
	}
	word := strings.ToLower(f.Word)
	text := strings.ToLower(r.ID + "\n" + r.Title + "\n" + r.Citation)
	return (f.All || holdsOn(r, f.On)) && in(r.Capabilities, f.Capability) && in(r.Jurisdictions, f.Jurisdiction) && strings.Contains(text, word)
}

func ruleRows(records map[string]*policy.Record, f RuleFilter) []RuleRow {
	var rows []RuleRow
	for _, id := range sortedRules(records) {
		r := records[id]
		if !f.wants(r) {
			continue
		}
		rows = append(rows, RuleRow{ID: id, Title: r.Title, Citation: r.Citation, Where: whereWords(r.Jurisdictions), Holds: holdsOn(r, f.On),
			When: whenWords(r.Effective, r.Sunset), Status: r.Status})
	}
	return rows
}

func sortedRules(records map[string]*policy.Record) []string {
	ids := make([]string, 0, len(records))
	for id := range records {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func whereWords(places []string) string {
	if slices.Contains(places, "*") {
		return "everywhere"
	}
	return strings.Join(places, ", ")
}

func whenWords(from, until policy.Day) string {
	switch {
	case from == "" && until == "":
		return "always"
	case until == "":
		return "since " + day(from)
	case from == "":
		return "until " + day(until)
	}
	return day(from) + " to " + day(until)
}

// boundaries are the days, from one on, on which rules begin or end, the first first.
func boundaries(records map[string]*policy.Record, from policy.Day) []Boundary {
	at := map[policy.Day]*Boundary{}
	note := func(d policy.Day, begins bool) {
		if d == "" || d < from {
			return
		}
		if at[d] == nil {
			at[d] = &Boundary{Day: d}
		}
		if begins {
			at[d].Begin++
		} else {
			at[d].End++
		}
	}
	for _, r := range records {
		note(r.Effective, true)
		note(r.Sunset, false)
	}
	var list []Boundary
	for _, b := range at {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b Boundary) int { return cmp.Compare(a.Day, b.Day) })
	return list[:min(len(list), 12)]
}

// Rule is one rule of the registry.
type Rule struct {
	Frame
	Rule      policy.RuleView
	When      string
	Where     string
	Applies   []Choice // capabilities, by key and name
	Waivers   []policy.GrantedWaiver
	MayWaive  bool
	MayAnswer bool // counsel's question
}

func (Rule) name() string { return "rule" }

// Forecast says what will change by the clock alone.
type Forecast struct {
	Frame
	Until string
	Found policy.Forecasted
	Turns []TurnRow
}

func (Forecast) name() string { return "forecast" }

// A TurnRow is one event of a forecast, by the names that people know.
type TurnRow struct {
	policy.Turn
	Capability, Region string
}

// Bundle previews a set of rules before it holds.
type Bundle struct {
	Frame
	Pushed      policy.Pushed
	Preview     policy.Preview
	Groups      []BreakGroup
	Unsent      []UnsentRow
	IsActive    bool
	MayActivate bool
	Key         string
	Reason      string
	Error       *FormError
	Done        string
}

func (Bundle) name() string { return "bundle" }

// A BreakGroup is what a bundle would change, of one kind.
type BreakGroup struct {
	Title, Says string
	Bad         bool
	Rows        []BreakRow
}

// A BreakRow is one capability in one region.
type BreakRow struct {
	policy.Break
	Capability, Region string
	Key                string // of the capability
}

// UnsentRow is a fact that requests lack, by the names that people know.
type UnsentRow struct {
	policy.UnsentFact
	Capability, Region string
}

// Evidence lists what is on file, with a form to add to it.
type Evidence struct {
	Frame
	Rows    []ProofRow
	MayAdd  bool
	Scopes  []Choice
	Catalog []Choice
	Entered EvidenceForm
	Error   *FormError
	Key     string
	Done    string
	All     bool // those too that count no more
}

func (Evidence) name() string { return "evidence" }

// A ProofRow is one proof on file.
type ProofRow struct {
	policy.Proof
	State     string // "on file", "ends soon", "ended", "revoked"
	ForWhom   string
	MayRevoke bool
	Key       string
}

// EvidenceForm is what was entered.
type EvidenceForm struct{ Type, Scope, Capability, Service, Expires, URI, Hash, Note, Reason, ReturnTo string }

// Waivers lists the exceptions on file, with a form to grant one.
type Waivers struct {
	Frame
	Rows     []WaiverRow
	MayGrant bool
	Catalog  []Choice
	Places   []Choice
	Waivable []Choice
	Entered  WaiverForm
	Error    *FormError
	Key      string
	Done     string
}

func (Waivers) name() string { return "waivers" }

// A WaiverRow is one exception on file.
type WaiverRow struct {
	policy.GrantedWaiver
	State      string
	Capability string
	MayRevoke  bool
	Key        string
}

// WaiverForm is what was entered.
type WaiverForm struct{ Rule, Jurisdiction, Capability, Expires, Evidence, Reason string }

// Questions lists the legal questions that only counsel can answer.
type Questions struct {
	Frame
	Rows      []policy.OpenMatter
	Overdue   []string
	MayAnswer bool
	Key       string
	Error     *FormError
	Done      string
}

func (Questions) name() string { return "questions" }
