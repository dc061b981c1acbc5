package governance

import (
	"context"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/kv"
)

// A RegionAnswer is what a region says to an offer that stands, its silence included.
type RegionAnswer struct {
	Capability string   `json:"capability"`
	Region     string   `json:"region"`
	Answer     string   `json:"answer" enum:"enable,later,decline,yes_if,silent"`
	Until      string   `json:"until,omitempty" doc:"Of later: by when it answers again."`
	YesIf      []string `json:"yes_if,omitempty" nullable:"false" doc:"Needs, not ended, that the region wants met first."`
	By         string   `json:"by,omitempty" doc:"By when the cycle asks for answers."`
	Overdue    bool     `json:"overdue,omitempty" doc:"It is silent after that day, or has not answered again by the day it named."`
}

// The answers that are none of flags': a region that has not enabled, and has said
// what it needs first; and one that has said nothing.
const (
	answerYesIf  = "yes_if"
	answerSilent = "silent"
)

// Answers lists what each region says to each offer that stands, as a cycle asks.
func (s *Service) Answers(ctx context.Context, cycle string) ([]RegionAnswer, error) {
	tx := s.store.View(ctx)
	rec, err := find(tx, cycles, unknownCycle(cycle), cycle)
	if err != nil {
		return nil, err
	}
	said, err := s.flags.Answers(tx)
	if err != nil {
		return nil, err
	}
	wanted, err := all(tx, needs)
	if err != nil {
		return nil, err
	}
	list := make([]RegionAnswer, 0, len(said))
	for _, one := range said {
		list = append(list, regionAnswer(one, wanted, rec.Value.AnswerBy, s.now()))
	}
	return list, nil
}

// regionAnswer: an enablement or a refusal is an answer whatever was wanted before;
// a yes-if is one where there is none of these.
func regionAnswer(said flags.Said, wanted []kv.Record[Need], by string, now time.Time) RegionAnswer {
	a := RegionAnswer{Capability: said.Offer.Capability, Region: said.Region, Answer: string(said.Answer), Until: said.Until, By: by}
	for _, n := range wanted {
		if n.Value.YesIf == a.Capability && n.Value.Region == a.Region && n.Value.State == NeedOpen {
			a.YesIf = append(a.YesIf, n.Value.ID)
		}
	}
	if a.Answer == "" {
		a.Answer = answerSilent
		if len(a.YesIf) > 0 {
			a.Answer = answerYesIf
		}
	}
	today := now.UTC().Format(time.DateOnly)
	a.Overdue = by != "" && today > by && a.Answer == answerSilent || a.Answer == string(flags.Later) && today > a.Until
	return a
}
