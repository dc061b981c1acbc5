package identity

// The actions on a change that waits. A role only lets somebody try: which
// sign-offs a change needs its rules say, and that a change is its author's the
// gate.
const (
	SignChange     Action = "change.sign"
	DeclineChange  Action = "change.decline"
	RequestChanges Action = "change.request_changes"
	EditChange     Action = "change.edit"     // by its author
	RebaseChange   Action = "change.rebase"   // by its author
	WithdrawChange Action = "change.withdraw" // by its author
	TendChange     Action = "change.tend"     // what time brings about
)

var (
	changeActions  = []Action{SignChange, DeclineChange, RequestChanges, EditChange, RebaseChange, WithdrawChange, TendChange}
	signingActions = []Action{SignChange, DeclineChange, RequestChanges}
	authorActions  = []Action{EditChange, RebaseChange, WithdrawChange}
)

// changeTable adds to the table of power: whoever a rule may ask can try to sign,
// and whoever may propose something keeps it in order.
var changeTable = with(with(map[Role][]Action{Operator: {TendChange}},
	same(signingActions, Operator, RegionalLead, ClinicalSafety, Compliance, Counsel, HealthPlan, Chair)),
	same(authorActions, Operator, RegionalLead, ClinicalSafety, Compliance, Counsel, HealthPlan, Chair, Secretary, Member, Contributor))

// changeShared: a rule in one region may ask for somebody of another.
var changeShared = append(signingActions[:len(signingActions):len(signingActions)], authorActions...)

// same gives several roles the same.
func same[V any](list []V, roles ...Role) map[Role][]V {
	out := map[Role][]V{}
	for _, r := range roles {
		out[r] = list
	}
	return out
}

var changeDescriptions = map[Action]string{
	SignChange:     "sign off a change",
	DeclineChange:  "decline a change",
	RequestChanges: "ask for another edition of a change",
	EditChange:     "edit a change",
	RebaseChange:   "rebase a change",
	WithdrawChange: "withdraw a change",
	TendChange:     "do for a change what its time asks",
}
