package policy

// Status is a decision in one word. Of several the strongest holds, in this
// order.
type Status string

// The statuses, strongest first.
const (
	Deny             Status = "deny"
	NeedsLegalReview Status = "needs_legal_review"
	NeedsSplit       Status = "needs_split" // of a region as a whole only
	NeedsEvidence    Status = "needs_evidence"
	NeedsContext     Status = "needs_context"
	Allow            Status = "allow"
	Partial          Status = "partial" // items of one request differ
)

var precedence = []Status{Deny, NeedsLegalReview, NeedsSplit, NeedsEvidence, NeedsContext, Allow}

// A Decision says what the encoded rules say of an input. Allow never means legal:
// it means that no encoded rule forbids this.
type Decision struct {
	Allow    bool   `json:"allow"`
	Status   Status `json:"status"`
	Sentence string `json:"sentence"`

	ByJurisdiction map[string]*Verdict `json:"by_jurisdiction"`
	Uniform        bool                `json:"uniform"`        // the same verdict everywhere
	SplitRequired  bool                `json:"split_required"` // no single answer would be right
	OnWhereAllowed []string            `json:"on_where_allowed"`

	Items           map[string]Status `json:"items,omitempty"`
	SuggestedConfig map[string]string `json:"suggested_config,omitempty"`
	Residual        []string          `json:"residual"` // rules left for the single case
	BadInput        []string          `json:"bad_input"`
	ReviewOverdue   []string          `json:"review_overdue"` // rules whose review is past due

	ValidUntil   Day    `json:"valid_until"`              // first day on which this may change
	ValidUntilAt string `json:"valid_until_at,omitempty"` // the same as a moment
	AsOf         string `json:"as_of"`
	RegistryRev  string `json:"registry_rev"`
	BundleRev    string `json:"bundle_rev"`
}

// A Verdict is the decision of one jurisdiction.
type Verdict struct {
	Allow           bool          `json:"allow"`
	Status          Status        `json:"status"`
	Denials         []string      `json:"denials"` // rule ids
	Reasons         []Reason      `json:"reasons"`
	Obligations     []Obligation  `json:"obligations"`
	EvidenceMissing []string      `json:"evidence_missing"`
	EvidenceLapsing []Lapse       `json:"evidence_lapsing"`
	Missing         []MissingFact `json:"missing"`
	Reviews         []Review      `json:"reviews"`
	Residual        []string      `json:"residual"`
	WaiversApplied  []string      `json:"waivers_applied"`
	Unassigned      []string      `json:"unassigned"` // obligations whose performer was not named
	ValidUntil      Day           `json:"valid_until"`

	causes []string          // the rules that keep this from being allowed
	wants  map[string]string // missing evidence → the rule that requires it
}

// A Reason says why a rule denies, and where that is written.
type Reason struct {
	RuleID   string `json:"rule_id"`
	Why      string `json:"why"`
	Citation string `json:"citation"`
}

// An Obligation must be carried out by its enforcement point.
type Obligation struct {
	RuleID   string         `json:"rule_id"`
	Kind     string         `json:"kind"`
	Params   map[string]any `json:"params"`
	Point    string         `json:"point"` // flag, service, ehr, organization
	Citation string         `json:"citation"`
	Also     []string       `json:"also,omitempty"` // other rules that ask for the same
}

// A MissingFact was needed by a rule and not given.
type MissingFact struct {
	RuleID string `json:"rule_id"`
	Path   string `json:"path"`
}

// A Review is a question that only counsel can answer.
type Review struct {
	RuleID   string `json:"rule_id"`
	Question string `json:"question"`
	Owner    string `json:"owner"`
	Due      Day    `json:"due,omitempty"`
	Citation string `json:"citation"`
}

// A Lapse is evidence that ends soon, or has ended and is in its days of grace.
type Lapse struct {
	Type    string `json:"type"`
	Expires Day    `json:"expires"`
	Within  int    `json:"within_days"` // 90, 30, 7; 0 in the days of grace
}

func newVerdict() *Verdict {
	return &Verdict{
		Denials: []string{}, Reasons: []Reason{}, Obligations: []Obligation{}, EvidenceMissing: []string{}, EvidenceLapsing: []Lapse{},
		Missing: []MissingFact{}, Reviews: []Review{}, Residual: []string{}, WaiversApplied: []string{}, Unassigned: []string{},
	}
}

// settle reads the status off what was found.
func (v *Verdict) settle() {
	switch {
	case len(v.Denials) > 0:
		v.Status = Deny
	case len(v.Reviews) > 0:
		v.Status = NeedsLegalReview
	case len(v.EvidenceMissing) > 0:
		v.Status = NeedsEvidence
	case len(v.Missing) > 0:
		v.Status = NeedsContext
	default:
		v.Status = Allow
	}
	v.Allow = v.Status == Allow
}
