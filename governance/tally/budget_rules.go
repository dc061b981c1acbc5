package tally

// budgetRules are the rules that choose a portfolio under a budget. A variant
// that can fund other projects on real ballots is a rule with a name of its
// own; amounts that a charter sets are in [PortfolioRule].
func budgetRules() []rule {
	list := []rule{
		{"greedy_votes", 1, greedyResult(greedyRule{})},
		{"greedy_votes_stop", 1, greedyResult(greedyRule{stop: true})},
		{"greedy_per_cost", 1, greedyResult(greedyRule{perCost: true})},
	}
	for _, u := range []struct {
		name string
		u    utility
	}{{"cost", utilityCost}, {"count", utilityCount}, {"points", utilityPoints}} {
		for _, c := range []struct {
			name     string
			complete completion
			fill     bool
		}{
			{"", completeNone, false},
			{"_then_votes", completeVotes, false},
			{"_then_per_cost", completePerCost, false},
			{"_add1", completeAdd1, false},
			{"_add1_then_votes", completeAdd1, true},
			{"_add1_exhaustive", completeAdd1Exhaustive, false},
			{"_add1_exhaustive_then_votes", completeAdd1Exhaustive, true},
		} {
			r := sharesRule{u.u, c.complete, c.fill}
			list = append(list, rule{"equal_shares_" + u.name + c.name, 1, sharesResult(r)})
		}
	}
	return list
}

func greedyResult(r greedyRule) func(Export) (Result, error) {
	return func(e Export) (Result, error) {
		p, err := newPortfolio(e)
		if err != nil {
			return Result{}, err
		}
		g, err := r.count(p)
		if err != nil {
			return Result{}, err
		}
		return g.result(r), nil
	}
}

func sharesResult(r sharesRule) func(Export) (Result, error) {
	return func(e Export) (Result, error) {
		p, err := newPortfolio(e)
		if err != nil {
			return Result{}, err
		}
		c, err := r.count(p)
		if err != nil {
			return Result{}, err
		}
		return c.result(), nil
	}
}
