package governance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// Trace walks from an offer back to what it comes of: the motion that gave it and its
// tally, the ballots, the business case that brought the capability, the portfolio it
// was funded with, and the needs it answers. An offer that no motion gave has no
// trace.
func (s *Service) Trace(ctx context.Context, offer flags.Offer) ([]flags.Step, error) {
	if offer.Motion == "" {
		return nil, nil
	}
	tx := s.store.View(ctx)
	steps, err := motionSteps(tx, offer.Motion, "motion")
	if err != nil || len(steps) == 0 {
		return steps, err
	}
	recs, err := all(tx, cases)
	if err != nil {
		return nil, err
	}
	for _, r := range recs {
		if r.Value.State == CaseFunded && slices.Contains(r.Value.Capabilities, offer.Capability) {
			more, err := caseSteps(tx, r.Value)
			if err != nil {
				return nil, err
			}
			steps = append(steps, more...)
		}
	}
	return steps, nil
}

// motionSteps are a motion with its tally, and its ballots.
func motionSteps(tx *kv.Tx, id, name string) ([]flags.Step, error) {
	rec, err := getMotion(tx, id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil // it was there when the offer was made; there is no more to tell
	}
	if err != nil {
		return nil, err
	}
	m := rec.Value
	moved := stepOf(name, m.ID, m.Title, m.Moved)
	if m.Outcome == nil {
		return []flags.Step{moved}, nil
	}
	moved.Says += ": " + m.Outcome.Sentence
	count, err := kv.Get(tx, counts.Key(id, sitting(m.Sittings)))
	if err != nil {
		return nil, err
	}
	cast := flags.Step{Name: "ballots", ID: m.ID, Says: rollSays(count.Value.RollCall)}
	if m.Opened != nil {
		cast.Says += fmt.Sprintf("; paper %.12s…", m.Opened.Hash)
	}
	return []flags.Step{moved, cast}, nil
}

// rollSays is a roll call in a sentence.
func rollSays(roll []Called) string {
	var yes, no, other, silent []string
	for _, r := range roll {
		switch {
		case !r.Counted:
			silent = append(silent, r.Seat)
		case r.Vote.Vote == tally.Yes:
			yes = append(yes, r.Seat)
		case r.Vote.Vote == tally.No:
			no = append(no, r.Seat)
		default:
			other = append(other, r.Seat)
		}
	}
	var words []string
	for _, l := range []struct {
		what  string
		seats []string
	}{{"yes", yes}, {"no", no}, {"cast", other}, {"none", silent}} {
		if len(l.seats) > 0 {
			words = append(words, l.what+": "+strings.Join(l.seats, ", "))
		}
	}
	return strings.Join(words, "; ")
}

// caseSteps are a business case, the portfolio that it was funded with, and the
// needs it answers.
func caseSteps(tx *kv.Tx, c Case) ([]flags.Step, error) {
	steps := []flags.Step{stepOf("case", c.ID, fmt.Sprintf("%s, version %d, for the goal %s", c.Title, c.Version, c.Goal), c.Written)}
	adoption, err := motionSteps(tx, c.Funded, "adopted")
	if err != nil {
		return nil, err
	}
	steps = append(steps, adoption...)
	if m, err := getMotion(tx, c.Funded); err == nil {
		portfolio, err := motionSteps(tx, m.Value.Subject.Motion, "portfolio")
		if err != nil {
			return nil, err
		}
		steps = append(steps, portfolio...)
	}
	for _, id := range c.Needs {
		n, err := find(tx, needs, unknownNeed(id), id)
		if fault.Is(err, fault.NotFound) {
			continue // a case may name a need that was never raised here
		}
		if err != nil {
			return nil, err
		}
		title := n.Value.Title
		if n.Value.Region != "" {
			title = n.Value.Region + ": " + title
		}
		steps = append(steps, stepOf("need", id, title, n.Value.Raised))
	}
	return steps, nil
}

func stepOf(name, id, says string, a Act) flags.Step {
	return flags.Step{Name: name, ID: id, Says: says, By: a.By.Name, At: a.At.UTC(), Reason: a.Reason, Change: a.Change}
}
