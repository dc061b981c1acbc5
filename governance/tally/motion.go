package tally

// Vote is a member's vote on a motion.
type Vote string

// MotionRule is how a motion is decided.
type MotionRule struct{}

// MotionReport explains a motion.
type MotionReport struct{}

func motionRules() []rule { return nil }
