package tally

// BudgetReport is the part of a [Result] that only counts under a budget have:
// the money, and who paid how much for what.
//
// What the literature on equal shares calls a voter's payment is called the
// support share towards people: no member spends money of their own.
type BudgetReport struct {
	Budget Rat `json:"budget"`
	Spent  Rat `json:"spent"`
	Left   Rat `json:"left"`

	Voters  int    `json:"voters"`  // counted ballots
	Weight  Rat    `json:"weight"`  // their weight together
	Measure string `json:"measure"` // what Round.Tally holds: "effective votes", "votes", ...

	Shares      []Share      `json:"shares,omitempty"`    // equal shares: what each voter had to give
	Steps       int          `json:"steps,omitempty"`     // increments that Add1 made
	Increment   Rat          `json:"increment,omitzero"`  // size of each
	Runs        int          `json:"runs,omitempty"`      // how often the count was run
	Stopped     string       `json:"stopped,omitempty"`   // why Add1 stopped
	Overrun     Rat          `json:"overrun,omitzero"`    // what the next step of Add1 would have cost, if that is why
	Purchases   []Purchase   `json:"purchases,omitempty"` // equal shares: one per round
	Projects    []ProjectSum `json:"projects"`            // every project, in the order of the ballot paper
	Regions     []GroupSum   `json:"regions,omitempty"`   // who carried what, over all rounds
	Disciplines []GroupSum   `json:"disciplines,omitempty"`
}

// Share is what each voter of a region may support projects with.
type Share struct {
	Region string `json:"region,omitempty"` // empty where all voters have the same
	First  Rat    `json:"first"`            // per unit of weight, before Add1
	Final  Rat    `json:"final"`            // in the run that counts
}

// Purchase is one round of equal shares.
type Purchase struct {
	Round       int    `json:"round"` // from 1
	Alternative string `json:"alternative"`
	Cost        Rat    `json:"cost"`
	Supporters  Rat    `json:"supporters"` // their weight
	// TopShare is the most that one unit of weight (and, with points, one
	// point) gave. The rule funds the project for which its measure is least.
	TopShare Rat `json:"top_share"`
	// Effective is the cost over the top share: the number of voters who, all
	// giving the top share, would carry the project.
	Effective   Rat         `json:"effective_votes"`
	InFull      Rat         `json:"in_full"` // weight of supporters who gave the top share
	Regions     []GroupSum  `json:"regions,omitempty"`
	Disciplines []GroupSum  `json:"disciplines,omitempty"`
	MoneyLeft   Rat         `json:"money_left"` // all voters' shares that are still free after it
	BudgetLeft  Rat         `json:"budget_left"`
	Dropped     []Shortfall `json:"dropped,omitempty"` // projects nobody can carry any more after it
}

// Shortfall says why a project could no longer be carried.
type Shortfall struct {
	Alternative string `json:"alternative"`
	Cost        Rat    `json:"cost"`
	Have        Rat    `json:"have"`    // what its supporters have left together
	Missing     Rat    `json:"missing"` // cost less that
}

// GroupSum is what the members of one region, or of one discipline, gave.
type GroupSum struct {
	Group  string `json:"group"`            // "" for members of none
	Voters int    `json:"voters,omitempty"` // counted ballots of the group
	Had    Rat    `json:"had,omitzero"`     // its shares together, in the run that counts
	Gave   Rat    `json:"gave"`
	Left   Rat    `json:"left,omitzero"`
	For    []Gift `json:"for,omitempty"` // in the order of funding
}

// Gift is the part of a project that a group carried.
type Gift struct {
	Alternative string `json:"alternative"`
	Amount      Rat    `json:"amount"`
}

// ProjectSum is what became of one project.
type ProjectSum struct {
	Alternative string `json:"alternative"`
	Cost        Rat    `json:"cost"`
	Votes       Rat    `json:"votes"`      // votes, or points where ballots have them
	Supporters  Rat    `json:"supporters"` // weight of those who support it
	Funded      bool   `json:"funded"`
	Round       int    `json:"round,omitempty"` // in which it was funded, or could no longer be
	By          string `json:"by,omitempty"`    // "equal shares" or "votes"
	Why         string `json:"why"`             // one clause for people
}
