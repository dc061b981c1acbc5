package tally

// RCTabRules are the options of an RCTab count.
type RCTabRules struct{}

func seatRules() []rule { return nil }
