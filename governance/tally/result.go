package tally

// Result is the outcome of one count together with its explanation as data.
// The same inputs give the same Result, byte for byte in JSON.
type Result struct {
	Rule    string `json:"rule"`
	Version int    `json:"version"`

	Outcome    string     `json:"outcome,omitempty"`    // motions: "carried", "not_carried", ...
	Winners    []string   `json:"winners"`              // in the order in which they were chosen
	Committees [][]string `json:"committees,omitempty"` // several seats: all committees that win; more than one only without a tie-break
	Ranking    [][]string `json:"ranking,omitempty"`    // best tier first; equals share a tier

	Rounds   []Round    `json:"rounds"`
	Ties     []Tie      `json:"ties"`             // where a tie was broken, and by what
	Losers   []Distance `json:"losers,omitempty"` // how far each was from winning
	Problems []Problem  `json:"problems"`         // ballots that could not be counted as they stood
	Notes    []string   `json:"notes,omitempty"`  // conventions that mattered for this count

	Alternatives []Alternative `json:"alternatives,omitempty"` // as on the ballot paper: for titles

	Motion *MotionReport `json:"motion,omitempty"` // motions only
	Budget *BudgetReport `json:"budget,omitempty"` // rules that spend
	Pairs  *Pairs        `json:"pairs,omitempty"`  // rules that compare pairs
	Grades []GradeReport `json:"grades,omitempty"` // score and majority judgment
}

// Round is one step of a count.
type Round struct {
	Number    int       `json:"number"`         // from 1
	Pass      int       `json:"pass,omitempty"` // rules that count in several passes: from 1
	What      string    `json:"what"`           // what happened, in one clause
	Quota     Rat       `json:"quota,omitzero"`
	Tally     []Count   `json:"tally,omitempty"`     // who had what at the start of the round
	Chosen    []string  `json:"chosen,omitempty"`    // elected, funded or locked in this round
	Dropped   []string  `json:"dropped,omitempty"`   // eliminated in this round
	Moves     []Move    `json:"moves,omitempty"`     // which votes went where at the end of it
	Changes   []Count   `json:"changes,omitempty"`   // Meek: net change of each tally until the next round
	Payments  []Pay     `json:"payments,omitempty"`  // who paid how much for what was chosen
	Exhausted Rat       `json:"exhausted,omitzero"`  // votes that support nobody any more
	Inactive  *Inactive `json:"inactive,omitempty"`  // why those votes are exhausted
	Residual  Rat       `json:"residual,omitzero"`   // votes lost to truncation, so that sums add up
	Threshold string    `json:"threshold,omitempty"` // the quota in words
}

// Count is what one alternative holds.
type Count struct {
	Alternative string `json:"alternative"`
	Votes       Rat    `json:"votes"`
}

// Move is votes going from one alternative to another; To is empty for votes
// that found no further preference.
type Move struct {
	From  string `json:"from"`
	To    string `json:"to,omitempty"`
	Votes Rat    `json:"votes"`
}

// Pay is what one voter, or a group of like voters, paid for one alternative.
type Pay struct {
	Voter       string `json:"voter,omitempty"` // key on the roll, or the ballot's key
	Region      string `json:"region,omitempty"`
	Discipline  string `json:"discipline,omitempty"`
	Alternative string `json:"alternative"`
	Amount      Rat    `json:"amount"`
}

// Distance says how far one alternative was from winning.
type Distance struct {
	Alternative string `json:"alternative"`
	Missing     Rat    `json:"missing"` // in the unit that Unit names; 0: lost a tie
	Unit        string `json:"unit"`    // for example "votes" or "voters changing their mind"
	Against     string `json:"against,omitempty"`
	Why         string `json:"why"` // one clause for people
}

// titles maps keys to names for the renderers.
func (r Result) titles() map[string]string {
	names := make(map[string]string, len(r.Alternatives))
	for _, a := range r.Alternatives {
		names[a.Key] = a.Name()
	}
	return names
}

// done completes a result: lists that are empty are empty lists, not null.
func (r Result) done(p Profile) Result {
	r.Alternatives = p.Alternatives
	r.Winners = orEmpty(r.Winners)
	r.Rounds = orEmpty(r.Rounds)
	r.Ties = orEmpty(r.Ties)
	r.Problems = orEmpty(r.Problems)
	return r
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
