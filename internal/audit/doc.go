// Package audit is the record: what happened, who did it, in which role, why,
// what it changed, and the proof that none of this was altered since.
//
// Every change of state leaves one leaf, written in the very transaction that
// changes the state: neither can exist without the other. The leaf's key is the
// change's idempotency key and it is created once, so a change tried again finds
// its own leaf instead of happening twice. A refusal of a well-formed request is
// recorded too. A leaf holds no secret and nothing of a patient.
//
// # The tree
//
// A leaf is written once, so etcd's create revision orders all leaves for good:
// no replica has to agree with another on the order, it was decided when the leaf
// was written. Leaves of one revision, which our gate does not make, go by their
// keys. In that order they become the entries of an RFC 6962 Merkle tree, cut into
// tiles as c2sp.org/tlog-tiles has it. An entry is
//
//	quorate-record/1 REVISION SCHEMA LF LEAF
//
// with the leaf in the very bytes in which it was written: JSON that is never
// parsed and written again, since two ways of writing it would be two hashes. If
// the whole would be longer than 65,535 bytes, which is what a tile's bundle can
// hold, the entry is the line alone, with sha256:DIGEST and the length behind, and
// the leaf stands beside. The file format.txt, which goes into every export, says
// all that is needed to check one.
//
// # The sequencer
//
// One replica, elected through an etcd lease, puts leaves in the tree. The lease
// elects and does not exclude: a holder that was frozen may wake up while another
// works. So each of its writes compares, in its own transaction, the key that
// elected it and the head it builds on; a late one is refused by the store. Every
// error ends its term, and the next begins by reading everything again.
//
// A leaf must never come to stand behind one that was written later. The watch
// that brings leaves is therefore only a hint. Before anything is put in the tree
// the store is asked how many leaves there were at the newest one's revision, and
// only if the feed has brought exactly so many is the batch complete, and any
// other leaf, present or future, later than all of it. Fewer in the store than
// there should be means that somebody removed one: nothing is signed on top of it.
//
// The steps, and what a crash after each leaves behind:
//
//	head and tiles committed   the size has its one root, unsigned; the next holder signs it
//	remembered beside the key  nothing was signed; the same tree is signed next time
//	signed                     nobody has seen it; signing again gives the same bytes
//	published                  done
//
// The key is in the data directory, never in etcd, and beside it stands what it
// signed last. It signs only what continues that: a store that was rolled back
// unnoticed gets no second history. Once an operator has accepted a restore, the
// store's epoch is higher, and with it the log has another name; it continues what
// was restored, and contradicts nothing that was signed under the old one.
//
// # What is where
//
// In etcd: leaves, the tiles that are not removed yet, the head, the newest
// checkpoint. On the disk of every replica, below audit/ in its data directory:
// all full tiles and their entries, copied while they were in etcd, each entry
// held against a hash proven to be in a signed tree. The holder of the office
// removes a leaf from etcd when it is older than Retain, in a signed checkpoint,
// and sealed on its own disk, read back and proven. A replica that was away for
// longer lacks what was sealed meanwhile and says so; copying the directory from
// another mends it.
//
// # What it must never do
//
// Write a leaf by itself: that is the gate's. Reorder, reuse an index, sign two
// trees of one size under one name. Trust a tile, a file or an export that is not
// proven. And it must not promise more than this: whoever has no key cannot change
// a byte unseen; whoever holds the key can sign another history, and is found only
// by those who kept a checkpoint of the first.
package audit
