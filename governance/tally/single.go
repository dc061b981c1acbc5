package tally

// Pairs compares every alternative with every other.
type Pairs struct{}

// GradeReport is what one alternative was given.
type GradeReport struct{}

func singleRules() []rule { return nil }
