package governance

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

// An Outcome is how a motion ended, in short. The whole count stands beside it.
type Outcome struct {
	Result        Result    `json:"result"`
	Winners       []string  `json:"winners,omitempty" nullable:"false"` // of a choice or a portfolio, in the order of the count
	Sentence      string    `json:"sentence"`                           // the explanation, in words
	Cast          int       `json:"cast"`                               // ballots counted
	Eligible      int       `json:"eligible"`
	Export        string    `json:"export"` // digest of what a recount starts from
	Digest        string    `json:"digest"` // digest of what a recount must arrive at
	EffectiveFrom time.Time `json:"effective_from,omitzero"`
	Act           Act       `json:"act"`
}

// Result is the outcome in a word.
type Result string

// The results.
const (
	ResultCarried  Result = "carried"
	ResultLost     Result = "not_carried"
	ResultTied     Result = "tied_not_carried"
	ResultNoQuorum Result = "no_quorum"
	ResultObjected Result = "objection" // to unanimous consent
	ResultChosen   Result = "chosen"    // one of several
	ResultDrafted  Result = "drafted"   // a portfolio, to be adopted as a whole
	ResultRated    Result = "rated"
)

// A Count is everything about one count: written once, when the outcome is.
type Count struct {
	Motion   string       `json:"motion"`
	Sitting  int          `json:"sitting"`
	Export   tally.Export `json:"export"`   // what `quorate tally` counts again
	Presence tally.Export `json:"presence"` // the quorum, counted as a motion in which everyone abstains
	RollCall []Called     `json:"roll_call" nullable:"false"`
	Panels   []Panel      `json:"panels,omitempty" nullable:"false"` // ratings
	Text     string       `json:"text"`                              // the explanation as tables
}

// A Called is one seat in the roll call.
type Called struct {
	Seat       string    `json:"seat"`
	Region     string    `json:"region,omitempty"`
	Discipline string    `json:"discipline,omitempty"`
	By         *Person   `json:"by,omitempty"` // who cast its ballot; none: nobody did
	Place      Place     `json:"place,omitempty"`
	At         time.Time `json:"at,omitzero"`
	Vote       *Vote     `json:"vote,omitempty"`
	Commitment string    `json:"commitment,omitempty"`
	Salt       string    `json:"salt,omitempty"` // opens the commitment
	Change     string    `json:"change,omitempty"`
	Counted    bool      `json:"counted"`
	Why        string    `json:"why,omitempty"` // it was not counted
}

// A Panel is the panel's judgment of one case over all rounds.
type Panel struct {
	Case   string                `json:"case"`
	Rounds []tally.ClinicalRound `json:"rounds" nullable:"false"`
	Report *tally.PanelReport    `json:"report,omitempty"`
	Note   string                `json:"note,omitempty"`
}

// maxExplanation is how long the explanation in tables may be; a longer one is made
// again from the export.
const maxExplanation = 64 << 10

// count opens the ballots of a closed motion and counts them. It is a function of
// paper, motion, ballots and key alone: every replica finds the same.
func count(m Motion, p Paper, ballots []Ballot, before []Panel, key SealKey, act Act) (Count, Outcome, error) {
	if err := key.check(*m.Opened); err != nil {
		return Count{}, Outcome{}, err
	}
	c := Count{Motion: m.ID, Sitting: p.Sitting, RollCall: callRoll(m, p, ballots, key)}
	c.Export, c.Presence = p.export(m, c.RollCall), p.presence(m, c.RollCall)
	out := Outcome{Eligible: len(p.Roll), Act: act}
	for _, r := range c.RollCall {
		if r.Counted {
			out.Cast++
		}
	}
	var err error
	if out.Export, err = c.Export.Digest(); err != nil {
		return c, out, err
	}
	present, err := tally.Recount(c.Presence)
	if err != nil {
		return c, out, fmt.Errorf("counting who was there: %w", err)
	}
	if p.Form == Ratings {
		c.Panels = panels(p, c.RollCall, before)
		out.Result, out.Sentence, out.Digest = ResultRated, panelsSentence(c.Panels), out.Export
	} else if err := c.recount(p, &out); err != nil {
		return c, out, err
	}
	if !present.Motion.QuorumMet {
		out.Result, out.Winners, out.Sentence = ResultNoQuorum, nil, tally.Sentence(present)
	}
	if out.favourable() {
		out.EffectiveFrom = m.Closed.Act.At.Add(time.Duration(p.ChallengeDays) * 24 * time.Hour)
	}
	return c, out, nil
}

func (o Outcome) favourable() bool {
	return slices.Contains([]Result{ResultCarried, ResultChosen, ResultDrafted, ResultRated}, o.Result)
}

func (c *Count) recount(p Paper, out *Outcome) error {
	result, err := tally.Recount(c.Export)
	if err != nil {
		return fault.New(fault.Internal, "cannot_count", "the motion %s cannot be counted: %v", c.Motion, err).
			Do("export it and look at it with `quorate tally`")
	}
	if out.Digest, err = result.Digest(); err != nil {
		return err
	}
	out.Sentence = tally.Sentence(result)
	if c.Text = tally.Text(result); len(c.Text) > maxExplanation {
		c.Text = "The explanation is long; make it with `quorate tally` from the export.\n"
	}
	switch p.Kind {
	case Priority:
		out.Result, out.Winners = ResultDrafted, result.Winners
	case Choice:
		out.Result, out.Winners = ResultChosen, result.Winners
		if len(result.Winners) == 0 {
			out.Result = ResultLost
		}
	default:
		out.Result = Result(result.Outcome)
	}
	return nil
}

// callRoll opens what each seat has cast, in the order of the roll.
func callRoll(m Motion, p Paper, ballots []Ballot, key SealKey) []Called {
	list := make([]Called, 0, len(p.Roll))
	for _, r := range p.Roll {
		c := Called{Seat: r.Key, Region: r.Region, Discipline: r.Discipline}
		if m.isRecused(r.Key) {
			c.Why = "stood aside"
		}
		i := slices.IndexFunc(ballots, func(b Ballot) bool { return b.Seat == r.Key && b.Paper == m.Opened.Hash })
		if i >= 0 {
			c = c.with(*m.Opened, ballots[i], key)
		}
		list = append(list, c)
	}
	return list
}

func (c Called) with(o Opening, b Ballot, key SealKey) Called {
	c.By, c.Place, c.At, c.Commitment, c.Change = &b.By, b.Place, b.At, b.Commitment, b.Change
	v, salt, err := key.unseal(o, b)
	if err != nil {
		c.Why = cmp.Or(c.Why, "the ballot in the store cannot be opened: "+err.Error())
		return c
	}
	c.Vote, c.Salt, c.Counted = &v, hex.EncodeToString(salt), c.Why == ""
	return c
}

// export is what a recount starts from.
func (p Paper) export(m Motion, roll []Called) tally.Export {
	e := tally.Export{Format: tally.ExportFormat, Title: p.Title, Rule: p.Rule, Budget: p.Budget, Portfolio: p.Options,
		Ranked: p.Ranked, Grades: p.Grades,
		Profile: tally.Profile{Alternatives: p.Alternatives, Roll: p.Roll, Ties: p.Ties, Ballots: []tally.Ballot{}}}
	if p.Rule == "motion" {
		e.Motion, e.Sitting = p.MotionRule, &tally.Sitting{Chair: p.Chair, Recused: m.recusals()}
	}
	for _, c := range roll {
		if c.Counted {
			e.Ballots = append(e.Ballots, tally.Ballot{Key: c.Commitment, Voter: c.Seat, Vote: c.Vote.Vote, Approves: c.Vote.Approves,
				Ranks: c.Vote.Ranks, Points: c.Vote.Points})
		}
	}
	return e
}

// presence counts the quorum: a motion on which everybody who voted abstains.
func (p Paper) presence(m Motion, roll []Called) tally.Export {
	rule := *p.MotionRule
	rule.Threshold, rule.DoubleMajority, rule.Chair = tally.Majority, false, ""
	e := tally.Export{Format: tally.ExportFormat, Title: "Quorum: " + p.Title, Rule: "motion", Motion: &rule,
		Sitting: &tally.Sitting{Chair: p.Chair, Recused: m.recusals()},
		Profile: tally.Profile{Roll: p.Roll, Ballots: []tally.Ballot{}}}
	for _, c := range roll {
		if c.Counted {
			e.Ballots = append(e.Ballots, tally.Ballot{Key: c.Commitment, Voter: c.Seat, Vote: tally.Abstain})
		}
	}
	return e
}

// recusals are in the order in which they were declared. Whether a member stayed
// in the room is not known, so they are not counted as present.
func (m Motion) recusals() []tally.Recusal {
	var list []tally.Recusal
	for _, r := range m.Recused {
		list = append(list, tally.Recusal{Member: r.Seat, Reason: r.Act.Reason})
	}
	return list
}

// panels judges each case by this round and those before it.
func panels(p Paper, roll []Called, before []Panel) []Panel {
	var list []Panel
	for _, a := range p.Alternatives {
		one := Panel{Case: a.Key}
		if i := slices.IndexFunc(before, func(b Panel) bool { return b.Case == a.Key }); i >= 0 {
			one.Rounds = slices.Clone(before[i].Rounds)
		}
		round := tally.ClinicalRound{Ratings: []tally.ClinicalRating{}}
		for _, c := range roll {
			if c.Counted && c.Vote.Points[a.Key] > 0 {
				round.Ratings = append(round.Ratings, tally.ClinicalRating{Member: c.Seat, Region: c.Region, Discipline: c.Discipline, Rating: int(c.Vote.Points[a.Key])})
			}
		}
		one.Rounds = append(one.Rounds, round)
		report, err := tally.RatePanel(tally.ClinicalRule{}, one.Rounds)
		if err != nil {
			one.Note = err.Error()
		} else {
			one.Report = &report
		}
		list = append(list, one)
	}
	return list
}

func panelsSentence(list []Panel) string {
	var words []string
	for _, p := range list {
		if p.Report == nil {
			words = append(words, p.Case+" is not judged: "+p.Note)
			continue
		}
		words = append(words, fmt.Sprintf("%s is %s", p.Case, p.Report.Outcome))
	}
	return "After this round " + strings.Join(words, "; ") + "."
}

// settle is the motion after its count.
func settle(m Motion, p Paper, out Outcome) Motion {
	m.Outcome = &out
	switch {
	case out.favourable():
		m.State = Carried
	case out.Result == ResultNoQuorum && p.WithoutQuorum == LapseReturned:
		m = m.back("there was no quorum")
	default:
		m.State = Lost
	}
	return m
}

// waits says what a carried motion still waits for, "" if nothing.
func (m Motion) waits(h House, planSigns bool, at time.Time) string {
	switch {
	case at.Before(m.challengeEnds()):
		return "it can be challenged until " + m.challengeEnds().Format(time.RFC3339)
	case m.challenged():
		return "a challenge waits for the chair's ruling"
	case planSigns && m.PlanSigned == nil:
		return "the health plan has not signed"
	}
	if short := h.Shortfalls(at); len(short) > 0 && !m.Kind.onlyTurnsOff() {
		return "the body is below its charter: " + short[0]
	}
	return ""
}

func notCounted(m Motion) error {
	return fault.New(fault.Refused, "not_counted", "the motion %s is %s and has no count", m.ID, m.State).
		Do("wait for its close; nothing is counted before")
}
