package identity

// The actions of governance. A role only lets somebody try: which seat a person
// holds, and what its body's charter lets that seat do, is for the room of
// governance to say.
const (
	FoundBody       Action = "body.found" // once, with its first charter; from then on a charter changes by motion
	RecordSeat      Action = "seat.record"
	ResignSeat      Action = "seat.resign"
	SetCycle        Action = "cycle.set"
	WriteNeed       Action = "need.write"
	RankNeeds       Action = "need.rank" // by a region, its own order
	AnswerNeed      Action = "need.answer"
	WriteCase       Action = "case.write"
	Deliberate      Action = "case.deliberate"
	MoveMotion      Action = "motion.move"
	SecondMotion    Action = "motion.second"
	ChangeMotion    Action = "motion.change" // amend, postpone, withdraw
	RecuseSelf      Action = "motion.recuse"
	OpenMotion      Action = "motion.open"
	CastBallot      Action = "ballot.cast"
	CloseMotion     Action = "motion.close"     // when it is due, and not before
	SettleMotion    Action = "motion.settle"    // count it and let it take effect
	ChallengeMotion Action = "motion.challenge" // within the window
	RuleOnChallenge Action = "motion.rule_on_challenge"
	SignForPlan     Action = "motion.sign_for_plan"
	ShareNote       Action = "note.share"
	RaiseConcern    Action = "concern.raise"
	TriageConcern   Action = "concern.triage"
	WriteReview     Action = "review.write"
)

var governanceActions = []Action{FoundBody, RecordSeat, ResignSeat, SetCycle, WriteNeed, RankNeeds, AnswerNeed, WriteCase, Deliberate,
	MoveMotion, SecondMotion, ChangeMotion, RecuseSelf, OpenMotion, CastBallot, CloseMotion, SettleMotion, ChallengeMotion, RuleOnChallenge,
	SignForPlan, ShareNote, RaiseConcern, TriageConcern, WriteReview}

// governanceTable adds to the table of power. Nobody but members and the chair
// casts a ballot. What the clock does (closing, counting) an operator may do too,
// since it is done only when it is due.
var governanceTable = map[Role][]Action{
	Operator: {FoundBody, CloseMotion, SettleMotion},
	Chair: {RecordSeat, ResignSeat, SetCycle, WriteNeed, AnswerNeed, WriteCase, Deliberate, MoveMotion, SecondMotion, ChangeMotion,
		RecuseSelf, OpenMotion, CastBallot, CloseMotion, SettleMotion, ChallengeMotion, RuleOnChallenge, RaiseConcern, WriteReview},
	Secretary: {RecordSeat, SetCycle, WriteNeed, AnswerNeed, WriteCase, Deliberate, MoveMotion, ChangeMotion, OpenMotion, CloseMotion,
		SettleMotion, WriteReview},
	Member: {ResignSeat, WriteNeed, AnswerNeed, WriteCase, Deliberate, MoveMotion, SecondMotion, ChangeMotion, RecuseSelf, CastBallot,
		ChallengeMotion, RaiseConcern, WriteReview},
	Contributor:    {WriteNeed, WriteCase, Deliberate, MoveMotion, RaiseConcern},
	RegionalLead:   {WriteNeed, RankNeeds, WriteCase, Deliberate, ShareNote, RaiseConcern, TriageConcern, WriteReview},
	ClinicalSafety: {Deliberate, RaiseConcern, TriageConcern},
	Compliance:     {Deliberate, RaiseConcern},
	Counsel:        {Deliberate},
	HealthPlan:     {Deliberate, SignForPlan},
}

// governanceShared: a body's business belongs to no single region. A region's
// order of needs and its notes are its own.
var governanceShared = []Action{ResignSeat, WriteNeed, AnswerNeed, WriteCase, Deliberate, MoveMotion, SecondMotion, ChangeMotion, RecuseSelf,
	OpenMotion, CastBallot, CloseMotion, SettleMotion, ChallengeMotion, RuleOnChallenge, RecordSeat, SetCycle, SignForPlan, RaiseConcern,
	WriteReview}

var governanceDescriptions = map[Action]string{
	FoundBody:       "found a body",
	RecordSeat:      "record who holds a seat",
	ResignSeat:      "resign a seat",
	SetCycle:        "set the dates of a cycle",
	WriteNeed:       "write a need",
	RankNeeds:       "rank a region's needs",
	AnswerNeed:      "answer a need",
	WriteCase:       "write a business case",
	Deliberate:      "deliberate on a business case",
	MoveMotion:      "move a motion",
	SecondMotion:    "second a motion",
	ChangeMotion:    "amend, postpone or withdraw a motion",
	RecuseSelf:      "stand aside on a motion",
	OpenMotion:      "open a motion for voting",
	CastBallot:      "cast a ballot",
	CloseMotion:     "close a motion",
	SettleMotion:    "count a motion",
	ChallengeMotion: "challenge an outcome",
	RuleOnChallenge: "rule on a challenge",
	SignForPlan:     "sign for the health plan",
	ShareNote:       "share a practice note",
	RaiseConcern:    "raise a concern",
	TriageConcern:   "triage a concern",
	WriteReview:     "write an outcome review",
}

// with joins two tables, without changing either.
func with[V any](a map[Role][]V, b map[Role][]V) map[Role][]V {
	out := make(map[Role][]V, len(a))
	for _, table := range []map[Role][]V{a, b} {
		for role, list := range table {
			out[role] = append(out[role][:len(out[role]):len(out[role])], list...)
		}
	}
	return out
}
