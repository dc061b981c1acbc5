// Package kv keeps the record: typed keys, transactions and one watch, on etcd.
//
// This is the only room that knows etcd. The rest of the house sees records
// (a Go value, the revision at which it was last written), a transaction that
// either happens as a whole or not at all, and a feed of what changed.
//
// # What it promises
//
// Update runs a function over a transaction. Every record the function reads is
// compared again when the transaction commits, so two writers can never both
// build on a state that only one of them saw: the second is run again on what
// the first left. Every write that matters names a marker, a record that comes
// into being in the same transaction. A write whose outcome is unknown (the
// store went silent after it was sent: measured, up to 42 % of those had been
// applied) is then tried again without fear: the marker can be created once.
// When time runs out the caller is told "unknown", never "failed".
//
// A Follower loads everything below its prefixes at one revision, watches from
// the next, and hands over what changed, in order, each revision whole. It
// treats silence as failure, starts again by listing and reporting the
// difference (a compacted watch restarted in place would lose deletions), and
// compares what it holds with the store's own list every minute.
//
// A store that went back in time (a restored backup keeps its cluster ID) is
// recognised by its incarnation, epoch and revision and refused until an
// operator accepts it; see Incarnation.
//
// # What it must never do
//
// It decides nothing: no permission, no rule, no time limit of the domain. It
// must not be called for writing by anyone but the gate and the few writers
// that the import test lists by name.
package kv
