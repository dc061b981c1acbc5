package policy

import (
	"context"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Standing is which law and rules hold, as this replica sees it.
type Standing struct {
	Revision  int64         `json:"revision" doc:"Revision of the store at which the pointer was written; send it back as if_revision."`
	Active    Active        `json:"active"`
	Policy    string        `json:"policy" doc:"Revision of what holds, or no-encoded-law."`
	Says      string        `json:"says" doc:"What that means, in a sentence."`
	Notice    string        `json:"notice,omitempty"`
	Rules     int           `json:"rules"`
	Overdue   []string      `json:"overdue" nullable:"false" doc:"Rules whose review is past due."`
	Questions []OpenMatter  `json:"questions" nullable:"false" doc:"Legal questions that are open."`
	Lapsing   []LapsingNote `json:"lapsing" nullable:"false" doc:"Evidence that ends within 90 days."`
}

// An OpenMatter is a question that only counsel can answer.
type OpenMatter struct {
	RuleID     string `json:"rule_id"`
	Relaxation string `json:"relaxation,omitempty"`
	Question   string `json:"question"`
	Owner      string `json:"owner"`
	Due        Day    `json:"due,omitempty"`
	Citation   string `json:"citation"`
}

// A LapsingNote is evidence that ends soon.
type LapsingNote struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Scope   string `json:"scope"`
	Expires Day    `json:"expires"`
	Within  int    `json:"within_days" doc:"The stage that is reached: 90, 30 or 7 days; 0 once it has ended."`
}

// Standing says which law and rules hold, and what somebody should look at.
func (s *Service) Standing(ctx context.Context, who identity.Principal) (Standing, error) {
	out := Standing{Overdue: []string{}, Questions: []OpenMatter{}, Lapsing: []LapsingNote{}}
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "policy"}); err != nil {
		return out, err
	}
	view := s.store.View(ctx)
	now, err := kv.Get(view, active)
	if err != nil {
		return out, err
	}
	p := s.records.Position()
	out.Revision, out.Active, out.Policy = now.Revision, now.Value, p.PolicyRevision()
	out.Says = "No law is active: nothing can be turned on. Counsel and compliance can activate one."
	today := Day(s.now().UTC().Format(time.DateOnly))
	if !p.Without() {
		b := p.Law.bundle
		out.Notice, out.Rules = b.Manifest.Notice, len(b.Records)
		out.Says = "What these rules do not forbid is not called legal: no encoded rule forbids it, as last confirmed " + string(b.Manifest.AsLastConfirmed) + "."
		out.Overdue, out.Questions = b.due(today)
	}
	out.Lapsing, err = lapsing(view, today)
	return out, err
}

// due lists the rules whose review is past due, and the open legal questions.
func (b *Bundle) due(today Day) (overdue []string, open []OpenMatter) {
	overdue, open = []string{}, []OpenMatter{}
	for _, id := range b.ids {
		r := b.Records[id]
		if !today.before(r.ReviewDue) {
			overdue = append(overdue, id)
		}
		if r.Status == "unverified" && r.Opinion.says(today) == "" {
			open = append(open, OpenMatter{id, "", "Is this rule law?", r.Owner, r.ReviewDue, r.Citation})
		}
		for _, x := range r.Relaxations {
			if x.Status == "unverified" && x.Opinion.says(today) == "" {
				open = append(open, OpenMatter{id, x.ID, x.Question, x.Owner, x.Due, x.Citation})
			}
		}
	}
	return overdue, open
}

func lapsing(view *kv.Tx, today Day) ([]LapsingNote, error) {
	list := []LapsingNote{}
	all, err := listed(view, proofs)
	for _, p := range all {
		within := warning(today, Day(p.Value.Expires))
		if p.Value.Revoked == nil && within >= 0 {
			list = append(list, LapsingNote{p.Value.ID, p.Value.Type, p.Value.Scope, Day(p.Value.Expires), within})
		}
	}
	return list, err
}

// A RuleView is one rule of what holds.
type RuleView struct {
	Record
	Digest string `json:"digest" doc:"Of the rule's record; a waiver is given for one."`
	Today  Day    `json:"as_of"`
	Holds  bool   `json:"in_force" doc:"On that day, by its dates."`
}

// Rule shows one rule of what holds.
func (s *Service) Rule(_ context.Context, who identity.Principal, id string) (RuleView, error) {
	if err := identity.Can(who, identity.ReadState, identity.Target{Kind: "policy"}); err != nil {
		return RuleView{}, err
	}
	p := s.records.Position()
	if p.Without() || p.Law.bundle.Records[id] == nil {
		return RuleView{}, fault.New(fault.NotFound, "unknown_rule", "what holds has no rule %.128q", id).Do("see `quorate policy show`").At("id")
	}
	r, today := p.Law.bundle.Records[id], Day(s.now().UTC().Format(time.DateOnly))
	return RuleView{Record: *r, Digest: r.Digest(), Today: today, Holds: r.inForce(today)}, nil
}

// An OpinionRequest is counsel's answer to a rule's question.
type OpinionRequest struct {
	Relaxation string `json:"relaxation,omitempty" maxLength:"64" doc:"The relaxation within the rule that is asked about; empty for the rule itself."`
	Outcome    string `json:"outcome" enum:"confirmed,rejected" doc:"Whether it is law."`
	From       Day    `json:"from,omitempty" maxLength:"10" doc:"First day on which the opinion counts; today if left out."`
	Until      Day    `json:"until,omitempty" maxLength:"10" doc:"First day on which it no longer counts; empty for no end."`
}

// GiveOpinion records counsel's answer. It counts for the rule as it stands now: if
// the rule changes, the question is open again.
func (s *Service) GiveOpinion(ctx context.Context, o gate.Origin, rule string, r OpinionRequest) (GivenOpinion, gate.Receipt, error) {
	var given GivenOpinion
	if r.From == "" {
		r.From = Day(s.now().UTC().Format(time.DateOnly))
	}
	target := identity.Target{Kind: "opinion", ID: rule}
	request := struct {
		Rule string `json:"rule"`
		OpinionRequest
	}{rule, r}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.GiveOpinion, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := needReason(c.Reason); err != nil {
			return err
		}
		record, err := s.questioned(rule, r)
		if err != nil {
			return err
		}
		given = GivenOpinion{RuleID: rule, Relaxation: r.Relaxation, RuleDigest: record.Digest(),
			Opinion: Opinion{Outcome: r.Outcome, By: c.Actor.Name, From: r.From, Until: r.Until}, Act: actOf(c)}
		found, err := kv.Get(tx, opinions.Key(given.key()))
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, found.Revision); err != nil {
			return err
		}
		return kv.Put(tx, opinions.Key(given.key()), given)
	})
	return given, receipt, err
}

// questioned is the rule that an opinion answers, if it asks at all.
func (s *Service) questioned(rule string, r OpinionRequest) (*Record, error) {
	p := s.records.Position()
	if p.Without() || p.Law.bundle.Records[rule] == nil {
		return nil, fault.New(fault.NotFound, "unknown_rule", "what holds has no rule %.128q", rule).Do("see `quorate policy show`").At("rule")
	}
	record := p.Law.bundle.Records[rule]
	asks := r.Relaxation == "" && record.Status == "unverified" ||
		slices.ContainsFunc(record.Relaxations, func(x Relaxation) bool { return x.ID == r.Relaxation })
	if !asks {
		return nil, fault.New(fault.Refused, "no_question", "%s %s asks nothing of counsel", rule, r.Relaxation).Do("the open questions are in `quorate policy show`").At("relaxation")
	}
	for field, day := range map[string]Day{"from": r.From, "until": r.Until} {
		if _, err := ParseDay(string(day)); err != nil && (day != "" || field == "from") {
			return nil, bad(field, "bad_day", "%v", err).Do("write it like 2027-01-31")
		}
	}
	if r.Until != "" && r.Until <= r.From {
		return nil, bad("until", "bad_day", "the opinion would end on %s, before it begins on %s", r.Until, r.From).Do("give a later day")
	}
	return record, nil
}
