package tally

// budgetRules are the rules that choose a portfolio under a budget, and the
// rating of clinical appropriateness.
func budgetRules() []rule { return nil }
