package governance

import (
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Cycle is one year of a body: its phases with their days, its goals, its money.
type Cycle struct {
	Key      string   `json:"key,omitempty"` // "2027"
	Body     string   `json:"body"`
	Name     string   `json:"name"`
	Currency string   `json:"currency"` // "USD thousand": the unit of every cost
	Phases   []Period `json:"phases" nullable:"false"`
	Goals    []Goal   `json:"goals,omitempty" nullable:"false"` // adopted by motion
	GoalsBy  string   `json:"goals_by,omitempty"`               // that motion
	AnswerBy string   `json:"answer_by,omitempty"`              // by when regions are to answer what is offered
	Set      Act      `json:"set,omitzero"`                     // latest, with the reason
}

// A Period is one phase with its days, both included.
type Period struct {
	Phase Phase  `json:"phase"`
	From  string `json:"from"` // YYYY-MM-DD
	To    string `json:"to"`
}

// Phase is a part of the year.
type Phase string

// Phases are the parts of a year, in their order. Which of them a body dates is its
// own affair.
var Phases = []Phase{"direction", "needs", "cases", "deliberation", "ballot", "challenge", "adoption", "build", "ready", "offer", "answers", "review"}

// check says what is wrong with a cycle.
func (c Cycle) check() error {
	switch {
	case !keyWord.MatchString(c.Key):
		return bad("/key", c.Key, "a cycle has a key such as 2027")
	case !plain(c.Name, 120):
		return bad("/name", c.Name, "a name has 1 to 120 characters")
	case !plain(c.Currency, 40):
		return bad("/currency", c.Currency, "say in which unit costs are, such as USD thousand")
	case c.AnswerBy != "" && !isDay(c.AnswerBy):
		return bad("/answer_by", c.AnswerBy, "a day is YYYY-MM-DD")
	case len(c.Phases) == 0:
		return bad("/phases", "", "date at least one phase: %v", Phases)
	}
	last := -1
	for i, p := range c.Phases {
		at := slices.Index(Phases, p.Phase)
		if at <= last {
			return bad("/phases", string(p.Phase), "the phases are, in this order and each once, %v", Phases)
		}
		if !isDay(p.From) || !isDay(p.To) || p.From > p.To || i > 0 && p.From < c.Phases[i-1].From {
			return bad("/phases", string(p.Phase), "a phase has days (YYYY-MM-DD) from and to, and begins no sooner than the one before it")
		}
		last = at
	}
	return nil
}

func isDay(s string) bool {
	d, err := time.Parse(time.DateOnly, s)
	return err == nil && d.Format(time.DateOnly) == s
}

// At lists the phases of a day.
func (c Cycle) At(day string) []Phase {
	var list []Phase
	for _, p := range c.Phases {
		if p.From <= day && day <= p.To {
			list = append(list, p.Phase)
		}
	}
	return list
}

// set makes or moves a cycle. Its goals stay: they are set by motion.
func (c Cycle) set(before Cycle, act Act) (Cycle, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	if before.Key != "" && (before.Body != c.Body || before.Currency != c.Currency) {
		return c, fault.New(fault.Refused, "cycle_stands", "the cycle %s belongs to %s and counts in %s; only its days can be moved", c.Key, before.Body, before.Currency).
			Do("leave body and currency as they are")
	}
	c.Goals, c.GoalsBy, c.Set = before.Goals, before.GoalsBy, act
	return c, nil
}

func unknownCycle(key string) error {
	return fault.New(fault.NotFound, "unknown_cycle", "there is no cycle %.60q", key).Do("list them with `quorate cycle list`")
}
