// Package flags holds what regions enable and serves it.
//
// Its nouns are those of the group's daily work. A capability is what is
// governed: video visits, messages, the release of results. A region is a
// self-governing unit that spans one or more jurisdictions and has facilities,
// each with the systems it runs. An offer is the right to enable a capability;
// it turns nothing on. An enablement is a region's answer to an offer: enable,
// later, or decline, with its reason.
//
// A region decides not only whether but how a capability is on: with which
// preset and settings, for which audience, for what percentage of it, from when
// until when (type How). The group may say how it would have it (a Baseline);
// each region takes that over, follows it, or stays apart, and overrides single
// fields. A Freeze is a time in which a region turns nothing on.
//
// A capability is on for a patient only if all of these hold in the region, and
// the served value says which one does not:
//
//	retired           the capability's life is over
//	no-offer          the group has not offered it here, or the offer has ended
//	not-enabled       the region has not answered, said later, or declined
//	turned-off        somebody turned it off for safety, at once
//	scheduled, ended  it is before its start, or after its end
//	prerequisite      a capability it needs is not on for this patient here
//	not-ready         the facility lacks a system that it requires
//	not-in-audience   the patient is not among those it is for
//	not-in-rollout    the rollout has not reached the patient
//	no-targeting-key  nobody said who asks, so there is no place in the rollout
//	on
//
// # What is read of a patient
//
// A capability declares the attributes of the evaluation context that it may
// read. An audience can ask only for those, and an evaluation reads nothing else
// but the targeting key of a rollout, the facility where systems are required,
// and what the capabilities it needs declare. No value of a context is stored,
// logged or repeated in an answer; explanations name attributes.
//
// # The clock
//
// Times are local to the region: eight o'clock is eight o'clock by the clock on
// its wall, daylight saving time or not. A local time that the clocks skip stands
// for the first moment after; one that they show twice means the first time.
//
// What the time triggers is compiled into the definitions as comparisons with
// the time of the evaluation. So every replica, and every client that evaluates
// by itself, switches at the same instant by its own clock, with no write and no
// timer. The moments at which a region's values may change are its boundaries;
// TimeStage counts those that have passed.
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
// # What is counted
//
// Usage counts what is served, by region, capability, variant and reason, and
// which of the declared facts come, by name and service; a Ledger rolls it up by
// the hour and the month, together with the use that portal services track. Of a
// person nothing is kept but a band of age, and counts below LeastCell are told to
// nobody.
//
// # How it is changed
//
// Only through the verbs of Service, each of which is a change that passes the
// gate. The rules themselves are pure functions in the files of their nouns.
package flags
