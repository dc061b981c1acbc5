package tally

// budgetVariant is one rule that spends, under its name.
type budgetVariant struct {
	name   string
	greedy *greedyRule
	shares *sharesRule
	points bool // it reads points or ranks; on approval ballots it says the same as another
}

// budgetVariants is the rule book of portfolios. A variant that can fund other
// projects on real ballots is a rule with a name of its own; amounts that a
// charter sets are in [PortfolioRule].
func budgetVariants() []budgetVariant {
	list := []budgetVariant{
		{name: "greedy_votes", greedy: &greedyRule{}},
		{name: "greedy_votes_stop", greedy: &greedyRule{stop: true}},
		{name: "greedy_per_cost", greedy: &greedyRule{perCost: true}},
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
			list = append(list, budgetVariant{"equal_shares_" + u.name + c.name, nil, &sharesRule{u.u, c.complete, c.fill}, u.u == utilityPoints})
		}
	}
	return list
}

func budgetRules() []rule {
	var list []rule
	for _, v := range budgetVariants() {
		list = append(list, rule{v.name, 1, v.result})
	}
	return list
}

// result counts with the whole explanation.
func (v budgetVariant) result(e Export) (Result, error) {
	p, err := newPortfolio(e)
	if err != nil {
		return Result{}, err
	}
	if v.greedy != nil {
		g, err := v.greedy.count(p)
		if err != nil {
			return Result{}, err
		}
		return g.result(*v.greedy), nil
	}
	c, err := v.shares.count(p, false)
	if err != nil {
		return Result{}, err
	}
	return c.result(), nil
}

// quietCounter returns the count by that rule without explanation, or nil.
func quietCounter(name string) func(*portfolio) ([]int, error) {
	for _, v := range budgetVariants() {
		if v.name == name {
			return v.winners
		}
	}
	return nil
}

func (v budgetVariant) winners(p *portfolio) ([]int, error) {
	if v.greedy != nil {
		g, err := v.greedy.count(p)
		if err != nil {
			return nil, err
		}
		return g.winners(), nil
	}
	c, err := v.shares.count(p, true)
	if err != nil {
		return nil, err
	}
	return c.winners(), nil
}
