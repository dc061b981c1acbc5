// Package policy says what regulation permits.
//
// A region asks to turn a capability on, or to restrict access to something; a
// portal asks about one case. Policy answers from rules that are data and small
// programs (package rego), never from code of its own, and each answer names the
// rules that decided and where they are written.
//
//	allow               no encoded rule forbids this
//	deny                a rule refuses it
//	needs_legal_review  only counsel can say
//	needs_split         what is right here is wrong next door
//	needs_evidence      a proof is not on file
//	needs_context       a fact was needed and not given
//	partial             of several items some are allowed
//
// # How it decides
//
// Law is made by place. So each jurisdiction is decided by itself, on its own day:
// a law that begins on the first of January begins in Hawaii hours after it began
// in Washington. The rules in force that day, for that capability, that actor and
// that act, are asked what they find. One deny is enough to refuse; otherwise what
// is owed, what must be proved and what must still be known are collected. Then
// the verdicts are folded into one decision.
//
// Folding is where most systems go wrong, because they take the strictest rule for
// everybody. The Mid-Atlantic region spans Virginia, Maryland and the District of
// Columbia. It asks for one 72-hour hold on malignant results. Virginia has a law
// for it; in the other two a hold without a legal basis is itself forbidden. The
// answer is neither yes nor no, but: on where allowed, in Virginia; refused in the
// other two by the federal rule on information blocking. Only rules that can do no
// harm next door (monotone: a ban on trackers) may be spread.
//
// A restriction is a request of its own. Whoever wants to hide or to delay must
// have a basis in law, and a rule in force gives it or nobody does.
//
// # What it must never do
//
// It must never allow because it does not know. A rule that gives no answer, an
// error, a document that cannot be read, a place or a word that is not known, a
// fact that is absent or of the wrong type: all are refused, with the reason. Law
// that nobody has confirmed is sent to counsel; it is never taken to allow.
//
// It must never read a clock. A decision is a function of the input, its as_of,
// and the bundle's revision, to the byte, so that a decision of last year can be
// made again. Nor does it keep anything: waivers and evidence are handed in, and
// their checks are pure functions.
//
// It must never be taken for legal advice. Allow means that no rule in this bundle
// forbids it, as last confirmed.
package policy
