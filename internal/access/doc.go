// Package access is how one gets in: people by signing in at their organisation,
// services by a token.
//
// # A person
//
// A Door sends the browser to the identity provider (OpenID Connect, code flow,
// PKCE) and takes it back. What is under way travels sealed in a cookie, so nothing
// is stored for whoever only knocks, and is good once. A Session is kept under the
// hash of its secret and says who, not what: the roles follow, at each request, from
// the groups of the person's last sign-in, from the table of groups, and from what
// others lend. Hence a change of the table, the end of a delegation, and locking a
// person out count at once, on each replica as soon as it hears of it.
//
// Sessions, sign-ins and times of last use are no state of the domain: they have no
// leaf in the record, and this package is their one writer. The table of groups,
// delegations and who is locked out are changes, and pass the gate.
//
// # A token
//
// A token reads qrt_<id>_<secret>. The id is public: it names the token in lists
// and in the record. The secret is 256 bits of chance, shown once to the one who
// issued it; the store keeps its sha256 and nothing else does. A token is named
// by role ("Colorado regional lead", never a person), says which roles it holds
// in which regions, may be narrowed to some actions, and always expires, after a
// year at the latest.
//
// Issuing and revoking are changes like any other and pass the gate, so each has
// its leaf in the record. A request to issue that is sent twice issues one token
// and shows its secret once: whoever lost the first answer must revoke that token
// and ask for another.
//
// # Finding out who asks
//
// The Directory holds all tokens in memory and follows the store. Asking it costs
// one hash, no lock and no round trip, so that a portal can be answered thousands
// of times a second, and goes on being answered while the store is away. A token
// that is revoked while a replica has no contact is honoured there until contact
// returns, or until it expires.
//
// # The first one
//
// A new store knows nobody. Whoever can start the server may read a file of its
// owner: Bootstrap writes a token there that may issue others and lives an hour,
// and does so again whenever no token that could is left.
//
// # What it must never do
//
// It never decides what somebody may do (identity does), and never stores, logs
// or repeats a secret.
package access
