package tally

// singleRules choose one alternative, or rank all of them.
func singleRules() []rule {
	ranked := func(f func(Profile, RankedRule) (Result, error)) func(Export) (Result, error) {
		return func(e Export) (Result, error) {
			var rule RankedRule
			if e.Ranked != nil {
				rule = *e.Ranked
			}
			return f(e.Profile, rule)
		}
	}
	graded := func(f func(Profile, GradeRule) (Result, error)) func(Export) (Result, error) {
		return func(e Export) (Result, error) {
			var rule GradeRule
			if e.Grades != nil {
				rule = *e.Grades
			}
			return f(e.Profile, rule)
		}
	}
	return []rule{
		{"plurality", 1, func(e Export) (Result, error) { return Plurality(e.Profile) }},
		{"plurality_split", 1, func(e Export) (Result, error) { return PluralitySplit(e.Profile) }},
		{"approval", 1, func(e Export) (Result, error) { return Approval(e.Profile) }},
		{"score", 1, graded(Score)},
		{"majority_judgment", 1, graded(MajorityJudgment)},
		{"schulze", 1, ranked(Schulze)},
		{"ranked_pairs", 1, ranked(RankedPairs)},
		{"borda", 1, ranked(Borda)},
		{"copeland", 1, ranked(Copeland)},
		{"minimax", 1, ranked(Minimax)},
		{"condorcet_winner", 1, ranked(CondorcetWinner)},
		{"smith_set", 1, ranked(SmithSet)},
	}
}
