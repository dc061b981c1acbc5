// Package flags holds what regions enable and serves it.
//
// Its nouns are those of the group's daily work. A capability is what is
// governed: video visits, messages, the release of results. A region is a
// self-governing unit that spans one or more jurisdictions and has facilities,
// each with the systems it runs. An offer is the right to enable a capability;
// it turns nothing on. An enablement is a region's answer to an offer: enable,
// later, or decline, with its reason.
//
// A capability is on for a patient only if all of these hold in the region, and
// the served value says which one does not:
//
//	retired        the capability's life is over
//	no-offer       the group has not offered it, or has withdrawn the offer
//	not-enabled    the region has not answered, said later, or declined
//	turned-off     somebody turned it off for safety, at once
//	prerequisite   a capability it needs is not on in this region
//	on
//
// # How it is served
//
// Every pair of region and capability is compiled into a flag definition in
// flagd's language (package eval), which evaluation then reads from memory. A
// Snapshot holds all of them; it is never changed, only replaced, so a reader
// needs no lock and sees one moment of the store. The Replica builds the next
// snapshot from what the store's feed says, recompiling only the pairs that a
// change touches. Evaluation therefore goes on when the store is gone.
//
// # How it is changed
//
// Only through the verbs of Service, each of which is a change that passes the
// gate. The rules themselves are pure functions in the files of their nouns.
package flags
