package governance

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
)

// A Paper is the ballot paper: everything that a vote depends on, frozen when the
// motion opens. It is written once and never changed.
type Paper struct {
	Motion         string  `json:"motion"`
	Sitting        int     `json:"sitting"` // 1 when it is opened for the first time
	Body           string  `json:"body"`
	CharterVersion int     `json:"charter_version"`
	Kind           Kind    `json:"kind"`
	Title          string  `json:"title"`
	Text           string  `json:"text"`
	Subject        Subject `json:"subject"`
	Form           Form    `json:"form"`
	MaxPoints      int64   `json:"max_points,omitempty"`

	Rule         string               `json:"rule"`        // of package tally
	MotionRule   *tally.MotionRule    `json:"motion_rule"` // threshold and quorum; of other rules the quorum alone is read
	Options      *tally.PortfolioRule `json:"options,omitempty"`
	Ranked       *tally.RankedRule    `json:"ranked,omitempty"`
	Grades       *tally.GradeRule     `json:"grades,omitempty"`
	Budget       tally.Rat            `json:"budget,omitzero"` // after what is set aside
	Alternatives []tally.Alternative  `json:"alternatives,omitempty" nullable:"false"`
	Cases        map[string]int       `json:"cases,omitempty"` // the version of each case that is voted on
	Roll         []tally.Member       `json:"roll" nullable:"false"`
	Chair        string               `json:"chair"`
	Ties         tally.TieBreak       `json:"ties,omitempty" nullable:"false"`

	CloseWhenAllVoted bool      `json:"close_when_all_voted,omitempty"`
	WithoutQuorum     Lapse     `json:"without_quorum"`
	ChallengeDays     int       `json:"challenge_days,omitempty"`
	Opens             time.Time `json:"opens"`
	Closes            time.Time `json:"closes"`
	Nonce             string    `json:"nonce"` // so that nobody can say beforehand what the hash, and with it the lot, will be
}

// An Opening is what a motion keeps of its paper.
type Opening struct {
	Act       Act       `json:"act"`
	Closes    time.Time `json:"closes"`
	Hash      string    `json:"hash"`       // sha256 of the paper in canonical JSON
	PublicKey string    `json:"public_key"` // of this motion, base64; ballots are encrypted to it
	SealKey   string    `json:"seal_key"`   // which seal key opens them, by its fingerprint
	Length    int       `json:"length"`     // of a ballot before it is encrypted
	Eligible  int       `json:"eligible"`   // seats on the paper
}

// Hash is the one hash under which everything is frozen.
func (p Paper) Hash() (string, error) { return gate.Digest(p) }

// MaxOpen is how long a motion may be open.
const MaxOpen = 90 * 24 * time.Hour

// draw makes the paper of a motion that is to open at a moment.
func draw(m Motion, h House, cases []Case, closes time.Time, act Act) (Paper, error) {
	if err := openable(m, h, closes, act.At); err != nil {
		return Paper{}, err
	}
	c := h.Body.Charter
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return Paper{}, fmt.Errorf("drawing a nonce: %w", err)
	}
	p := Paper{Motion: m.ID, Sitting: m.Sittings + 1, Body: m.Body, CharterVersion: h.Body.CharterVersion, Kind: m.Kind, Title: m.Title,
		Text: m.Text, Subject: m.Subject, Form: YesNo, Rule: "motion", MotionRule: m.rule(c), Chair: c.Chair, Roll: h.roll(act.At),
		CloseWhenAllVoted: c.CloseWhenAllVoted, WithoutQuorum: c.WithoutQuorum, ChallengeDays: c.Motions[m.Kind].ChallengeDays,
		Opens: act.At, Closes: closes.UTC().Truncate(time.Millisecond), Nonce: hex.EncodeToString(nonce)}
	if len(p.Roll) == 0 {
		return p, fault.New(fault.Refused, "nobody_votes", "no voting seat of %s has anybody to vote", m.Body).Do("fill its seats first")
	}
	p, err := p.withForm(m, c, cases)
	if err != nil {
		return p, err
	}
	return p, p.checkSize()
}

// The count of a motion is written with its roll call, its export and the leaf that
// holds them again, all in one transaction. Measured: a seat takes up to so many
// bytes besides its ballot, and a case that was rated so many in each round.
const (
	maxCount  = 700_000 // bytes; half of what a transaction of the store takes
	seatBytes = 1000
	rateBytes = 220
	maxRounds = 3
)

// checkSize refuses a paper whose count would not fit in one transaction: that must
// be known before anybody votes.
func (p Paper) checkSize() error {
	each := seatBytes + 2*p.ballotLength()
	if p.Form == Ratings {
		each += maxRounds * rateBytes * len(p.Alternatives)
	}
	if size := len(p.Roll)*each + maxExplanation; size > maxCount {
		return fault.New(fault.Refused, "too_large_to_count", "%d seats on %d alternatives are more than one count can hold", len(p.Roll), len(p.Alternatives)).
			Do("put fewer alternatives on it, or vote on them in two motions")
	}
	return nil
}

func openable(m Motion, h House, closes, now time.Time) error {
	if m.State != Pending {
		return m.wrongState("opened", Pending)
	}
	if m.NotBefore != "" && now.UTC().Format(time.DateOnly) < m.NotBefore {
		return fault.New(fault.Refused, "motion_postponed", "the motion %s is postponed to %s", m.ID, m.NotBefore).Do("open it then")
	}
	if err := h.checkWhole(m.Kind, now); err != nil {
		return err
	}
	t, ok := h.Body.Charter.Motions[m.Kind]
	if !ok {
		return fault.New(fault.Refused, "not_its_business", "the body %s no longer decides motions of the kind %s", m.Body, m.Kind).Do("withdraw it")
	}
	least := now.Add(time.Duration(t.OpenHours) * time.Hour)
	if !closes.After(now) || closes.Before(least) || closes.After(now.Add(MaxOpen)) {
		return bad("/closes", closes.UTC().Format(time.RFC3339), "it closes at a time to come, no sooner than %s and no later than in 90 days",
			least.UTC().Format(time.RFC3339))
	}
	return nil
}

// roll is the voting seats that have anybody to vote.
func (h House) roll(at time.Time) []tally.Member {
	var list []tally.Member
	for _, s := range h.Body.Charter.Seats {
		if _, ok := h.Seats[s.Key].first(at); !ok || !s.Voting {
			continue
		}
		m := tally.Member{Key: s.Key, Region: s.Region, Discipline: s.Discipline, Physician: s.Physician}
		if s.Weight > 1 {
			w := tally.Int(s.Weight)
			m.Weight = &w
		}
		list = append(list, m)
	}
	return list
}

// withForm fills in what the kind of motion asks for.
func (p Paper) withForm(m Motion, c Charter, cases []Case) (Paper, error) {
	switch m.Kind {
	case Priority:
		return p.forPriority(*c.Portfolio, m.Subject, cases)
	case Rating:
		p.Form, p.Rule, p.MaxPoints = Ratings, "ram", 9
		p.Alternatives, p.Cases = alternativesOf(m.Subject.Cases, cases)
	case Choice:
		p.Rule = c.Motions[Choice].Rule
		p.Form = choiceRules[p.Rule]
		for _, o := range m.Subject.Options {
			p.Alternatives = append(p.Alternatives, tally.Alternative{Key: o.Key, Title: o.Title})
		}
		p.Ties = tally.TieBreak{{By: tally.ByLot, Seed: p.Nonce}}
		switch p.Rule {
		case "schulze", "ranked_pairs":
			p.Ranked = &tally.RankedRule{StatusQuo: m.Subject.StatusQuo}
		case "score", "majority_judgment":
			p.MaxPoints, p.Grades = 10, &tally.GradeRule{Min: 0, Max: 10}
		}
	}
	return p, nil
}

func (p Paper) forPriority(rule Portfolio, s Subject, cases []Case) (Paper, error) {
	p.Form, p.Rule, p.MaxPoints = rule.Ballot, rule.Rule, rule.MaxPoints
	options := rule.Options
	p.Options = &options
	p.Alternatives, p.Cases = alternativesOf(s.Cases, cases)
	left := s.Budget
	for _, one := range cases {
		if one.in(s.SetAside) {
			left -= one.Cost.Expected
			p.Cases[one.ID] = one.Version
		}
	}
	if left < 0 {
		return p, fault.New(fault.Refused, "set_aside_too_much", "what is set aside costs %d more than the budget of %d", -left, s.Budget).
			Do("raise the budget, or set less aside").At("/subject/set_aside")
	}
	p.Budget = tally.Int(left)
	for _, by := range rule.Ties {
		step := tally.TieStep{By: by}
		if by == tally.ByLot {
			step.Seed = p.Nonce
		}
		p.Ties = append(p.Ties, step)
	}
	return p, nil
}

func alternativesOf(ids []string, cases []Case) ([]tally.Alternative, map[string]int) {
	var list []tally.Alternative
	versions := map[string]int{}
	for _, id := range ids {
		for _, c := range cases {
			if c.ID == id {
				list = append(list, tally.Alternative{Key: c.ID, Title: c.Title, Cost: tally.Int(c.Cost.Expected)})
				versions[id] = c.Version
			}
		}
	}
	return list, versions
}

// open is the motion with its paper drawn.
func open(m Motion, p Paper, key SealKey, act Act) (Motion, error) {
	hash, err := p.Hash()
	if err != nil {
		return m, err
	}
	public, err := key.publicKey(hash)
	if err != nil {
		return m, err
	}
	m.State, m.Sittings, m.Closed, m.Outcome, m.Obstacle, m.Challenges = Open, p.Sitting, nil, nil, "", nil
	m.Opened = &Opening{Act: act, Closes: p.Closes, Hash: hash, PublicKey: public, SealKey: key.Fingerprint(), Length: p.ballotLength(), Eligible: len(p.Roll)}
	return m, nil
}
