package tally

// Member is one entry of the roll: a seat that may vote.
type Member struct {
	Key        string `json:"key"`                  // unique on the roll
	Region     string `json:"region,omitempty"`     // empty: of no region
	Discipline string `json:"discipline,omitempty"` // for example "nursing"; reporting only
	Weight     *Rat   `json:"weight,omitempty"`     // votes the member has, 0 or more; nil means 1
	Physician  bool   `json:"physician,omitempty"`  // counts for a quorum of physicians
}

// Votes returns the member's voting weight, 1 unless the roll says otherwise.
func (m Member) Votes() Rat {
	if m.Weight == nil {
		return Int(1)
	}
	return *m.Weight
}

// Alternative is what can be chosen: an option, a candidate, a business case.
type Alternative struct {
	Key   string `json:"key"` // unique; compared byte by byte, never as a number
	Title string `json:"title,omitempty"`
	Cost  Rat    `json:"cost,omitzero"` // budgets only; in the budget's unit, above 0
}

// Name returns the title, or the key where there is none.
func (a Alternative) Name() string {
	if a.Title == "" {
		return a.Key
	}
	return a.Title
}

// Ballot is what one voter said, or what Count voters said alike. Which field
// is read depends on the rule; a field the rule does not read is ignored.
type Ballot struct {
	Key    string `json:"key"`              // receipt; names the ballot in problem reports
	Voter  string `json:"voter,omitempty"`  // key on the roll; empty where the ballot is secret
	Proxy  string `json:"proxy,omitempty"`  // member who cast it for Voter
	Count  int64  `json:"count,omitempty"`  // identical ballots this stands for; 0 means 1
	Weight *Rat   `json:"weight,omitempty"` // of a secret ballot; nil: the roll's weight, else 1

	Vote     Vote             `json:"vote,omitempty"`     // motions
	Approves []string         `json:"approves,omitempty"` // approval ballots; order does not matter
	Ranks    [][]string       `json:"ranks,omitempty"`    // best tier first; an empty tier is a skipped rank
	Points   map[string]int64 `json:"points,omitempty"`   // grades or points; absent is "no opinion", not 0
}

// Times returns how many identical ballots b stands for, at least 1.
func (b Ballot) Times() int64 { return max(b.Count, 1) }

// Profile is what a rule counts. An empty roll means that whoever cast a
// ballot was entitled to (as in a published election file); otherwise a ballot
// that names a voter who is not on the roll is not counted.
type Profile struct {
	Alternatives []Alternative `json:"alternatives,omitempty"` // in the order of the ballot paper
	Roll         []Member      `json:"roll,omitempty"`
	Ballots      []Ballot      `json:"ballots"`
	Ties         TieBreak      `json:"ties,omitempty"`
}

// ProblemKind says what is wrong with a ballot.
type ProblemKind string

// The kinds of problem a ballot can have.
const (
	Malformed  ProblemKind = "malformed"   // cannot be read as a ballot of this rule
	Duplicate  ProblemKind = "duplicate"   // a later ballot of the same voter, or a name twice on one ballot
	Overvoted  ProblemKind = "overvoted"   // more marks than the rule allows
	Empty      ProblemKind = "empty"       // says nothing
	Unknown    ProblemKind = "unknown"     // names an alternative that is not on the ballot paper
	NotOnRoll  ProblemKind = "not_on_roll" // its voter may not vote
	OutOfRange ProblemKind = "out_of_range"
)

// Problem reports one ballot that could not be counted as it stands.
type Problem struct {
	Ballot string      `json:"ballot"` // its key, or "#n" (from 1) where it has none
	Kind   ProblemKind `json:"kind"`
	Detail string      `json:"detail"` // what was wrong, with the value
	Effect string      `json:"effect"` // what was done: for example "not counted"
}

// counted is one ballot that takes part in the count, with its weight.
type counted struct {
	Ballot
	name   string // how problem reports call it
	weight Rat    // weight of the voter times the number of identical ballots
	member Member // zero where the ballot is secret or the roll empty
}

// admit applies what is the same for every rule: one ballot per voter (the
// last one counts), only voters on the roll, no negative weight or count. What
// remains is in the order in which it was given.
func (p Profile) admit() ([]counted, []Problem) {
	roll := make(map[string]Member, len(p.Roll))
	for _, m := range p.Roll {
		roll[m.Key] = m
	}
	last := p.lastBallots()
	var problems []Problem
	in := make([]counted, 0, len(p.Ballots))
	for i, b := range p.Ballots {
		c := counted{Ballot: b, name: ballotName(b, i)}
		if kind, detail := c.check(roll, last, i); kind != "" {
			problems = append(problems, Problem{c.name, kind, detail, "not counted"})
			continue
		}
		in = append(in, c)
	}
	return in, problems
}

// lastBallots maps each voter, and each receipt, to its last ballot.
func (p Profile) lastBallots() map[[2]string]int {
	last := make(map[[2]string]int, len(p.Ballots))
	for i, b := range p.Ballots {
		if b.Voter != "" {
			last[[2]string{"voter", b.Voter}] = i
		}
		if b.Key != "" {
			last[[2]string{"key", b.Key}] = i
		}
	}
	return last
}

func (c *counted) check(roll map[string]Member, last map[[2]string]int, i int) (ProblemKind, string) {
	m, listed := roll[c.Voter]
	c.weight = Int(1)
	switch {
	case c.Count < 0:
		return Malformed, "count below 0"
	case c.Voter != "" && len(roll) > 0 && !listed:
		return NotOnRoll, quote(c.Voter) + " is not on the roll"
	case c.Voter != "" && last[[2]string{"voter", c.Voter}] != i:
		return Duplicate, quote(c.Voter) + " cast a later ballot"
	case c.Key != "" && last[[2]string{"key", c.Key}] != i:
		return Duplicate, "a later ballot has the same key"
	case c.Weight != nil:
		c.weight = *c.Weight
	case listed:
		c.weight, c.member = m.Votes(), m
	}
	if c.weight.Sign() < 0 {
		return Malformed, "weight " + c.weight.String() + " is below 0"
	}
	if listed {
		c.member = m
	}
	c.weight = c.weight.Mul(Int(c.Times()))
	return "", ""
}
