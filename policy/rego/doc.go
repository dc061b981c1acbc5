// Package rego is the law as Quorate knows it: sixty rules as data, and for each
// a short program that says what it finds.
//
// It is engineering input, not legal advice. Each rule says how sure we are of it
// and when it is to be looked at again, and none governs anybody's care before
// counsel has signed it.
//
// A rule is in two places, which say different things.
//
// The registry (registry/SECTION/data.yaml) says where, whom, what and when: the
// jurisdictions, whether a provider or a plan is bound, the capabilities, the
// first day in force and the first day no longer, which facts it needs and what
// it means if one is absent, who may waive it, who enforces it, its citation and
// our confidence. When a date moves, and dates do move, one line moves here.
//
// The predicate (rules/SECTION/ID.rego, a package named by the rule's id) says
// what the rule finds in a case. It knows facts, and no dates and no
// jurisdictions: a test reads every predicate and fails if one names a day. What
// changes from one day to another within a rule is a setting of its record. A
// finding is one of
//
//	deny      the act is refused, and why
//	oblige    the act is allowed, and this must be done besides
//	require   a proof must be on file
//	review    counsel must say
//
// and a rule may also give a legal basis to a restriction, an exception from the
// need of a licence, or the conditions of a relaxation that is not yet law.
//
// One example. Virginia holds a malignant or genetic result back for 72 hours. A
// region may therefore ask for such a hold in Virginia, and the rule gives it its
// basis. In Maryland no rule does, so the federal rule on information blocking
// refuses the very same hold there. Nobody wrote that exception down: it follows
// from the two rules and where each applies.
//
// This package must never decide what to do about a finding. That is for package
// policy, which reads the clock's day from its input and folds the findings of
// all rules and jurisdictions into one decision. It imports nothing of ours.
package rego
