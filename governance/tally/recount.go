package tally

import (
	"fmt"
	"slices"
)

// rule is one entry of the rule book.
type rule struct {
	name    string
	version int
	count   func(Export) (Result, error)
}

// rules is the rule book: every rule that a charter can name.
func rules() []rule {
	return slices.Concat(motionRules(), singleRules(), seatRules(), budgetRules())
}

// RuleNames lists the names of all rules, in the order of the package's essay.
func RuleNames() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.name)
	}
	return names
}

// Recount counts an export by the rule it names. It never panics: whatever is
// wrong with a ballot is in the result's problems, whatever is wrong with the
// export is the error.
func Recount(e Export) (Result, error) {
	for _, r := range rules() {
		if r.name != e.Rule {
			continue
		}
		if e.Version != 0 && e.Version != r.version {
			return Result{}, fmt.Errorf("rule %q has version %d here; the export asks for version %d", e.Rule, r.version, e.Version)
		}
		if err := e.check(); err != nil {
			return Result{}, err
		}
		res, err := r.count(e)
		if err != nil {
			return Result{}, fmt.Errorf("count by %s: %w", e.Rule, err)
		}
		res.Rule, res.Version = r.name, r.version
		return res.done(e.Profile), nil
	}
	return Result{}, fmt.Errorf("no rule is called %q; see RuleNames", e.Rule)
}

// check refuses an export that no rule can count.
func (e Export) check() error {
	if e.Seats < 0 || e.Budget.Sign() < 0 {
		return fmt.Errorf("seats %d or budget %s below 0", e.Seats, e.Budget)
	}
	return e.Profile.check()
}

// check refuses a profile in which a key does not name one thing.
func (p Profile) check() error {
	seen := make(map[string]bool, len(p.Alternatives))
	for _, a := range p.Alternatives {
		if a.Key == "" || seen[a.Key] {
			return fmt.Errorf("alternative key %q is empty or used twice", a.Key)
		}
		seen[a.Key] = true
	}
	seen = make(map[string]bool, len(p.Roll))
	for _, m := range p.Roll {
		if m.Key == "" || seen[m.Key] {
			return fmt.Errorf("member key %q is empty or used twice on the roll", m.Key)
		}
		if m.Votes().Sign() < 0 {
			return fmt.Errorf("member %q has a weight below 0", m.Key)
		}
		seen[m.Key] = true
	}
	return nil
}
