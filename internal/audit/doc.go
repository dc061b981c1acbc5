// Package audit is the record: what happened, who did it, in which role, why,
// and what it changed.
//
// Every change of state leaves one leaf, written in the very transaction that
// changes the state: neither can exist without the other. The leaf's key is the
// change's idempotency key and it is created once, so a change tried again finds
// its own leaf instead of happening twice. A refusal of a well-formed request is
// recorded too.
//
// A leaf is written once and never changed, so etcd's create revision orders all
// leaves for good. It holds no secret and nothing of a patient.
package audit
