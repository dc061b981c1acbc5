// Package governance is the group: its bodies and seats, its year, its motions and
// ballots, and the offers that come of them.
//
// # What this room decides
//
// A body (a strategy group, a clinical-safety panel, an emergency panel) has a
// charter, which is data: which seats there are, who among them must be a
// physician, how many make a quorum, how much support each kind of motion needs.
// A charter changes only by a motion that carries under it. Who holds a seat is a
// fact, and facts are always recorded: a resignation cannot be refused. A body
// that facts have left below its charter may do no more than turn things off and
// fill its seats, until it is whole again.
//
// A motion is moved, seconded, opened, voted on, closed, counted, and then takes
// effect, at once or after a window in which it can be challenged. Its states and
// the ways between them are pure functions in motion.go, opening.go, closing.go
// and outcome.go; which of them an emergency panel or a short-handed body may go is
// in charter.go and shortfall.go.
//
// # How a vote is taken
//
// Opening a motion freezes the ballot paper: seats with their weights, text, rule,
// quorum, order of ties, alternatives, and the deadline, all under one hash. Seats
// are frozen, not who holds them: one who takes over a seat while a motion is open
// may replace its ballot until the close. A seat that is vacant at the opening is
// not on the paper.
//
// A seat has one ballot. Its holder casts it; whoever acts for the holder may cast
// it while the holder has not, an alternate while neither has; nobody has two
// ballots in one motion, however seats change hands. A ballot can be replaced until
// the close, and the last one counts. Casting asks for a sign-in of the last few
// minutes.
//
// Closing is one transaction on the motion, and every cast compares the motion as it
// read it: so a ballot is before the close or after it, and which is not a matter
// of clocks. Counting is another, which writes outcome, explanation and effect
// together. Anyone may count again from the export, with package tally alone.
//
// # What sealed means
//
// A ballot is padded to a length that is the same for every ballot of the motion
// and encrypted (RFC 9180, crypto/hpke) to a key of this motion alone. The private
// half is derived from the host's seal key, which is a file on the servers and never
// in the store. Until the close neither the store, nor a backup, nor the record
// tells how anybody voted, and nothing anywhere counts. Whoever holds the seal key
// together with the store can read ballots at any time; that is the operator of the
// host, and we say so. That a seat has voted is visible, and when.
//
// The member gets a receipt: a commitment to what was cast, which also stands in the
// record, and the salt that opens it. After the close there is a roll call, with the
// salts, so that anyone can check that each ballot counted is the one committed to.
// These are not secret ballots, and nothing here protects a member who is made to
// show a receipt.
//
// # What it must never do
//
// It never lets anybody vote without a seat, twice, or on their own recusal; never
// changes a paper that is open; never closes early, unless the charter says so when
// all have voted; never lets an operator grant an offer once a body is founded.
// flags does not know this room: an offer holds the id of its motion, and a record
// says that offers are governed.
//
// # An example
//
// The chair of the strategy group moves that video visits be offered to all regions;
// a member seconds. The secretary opens it for a week. Five of seven seats vote, four
// for it, among them three physicians of four. At the deadline any replica closes
// it and counts: quorum of members, regions and physicians is met, more than half
// said yes. The window for challenges is three days; when it is over the offer
// stands, in the same transaction as the note in the motion that says so.
package governance
