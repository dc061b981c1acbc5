// Package gate is the only way to write.
//
// Whatever changes Quorate's state, from whichever side it comes, is a Change
// and passes here, always in the same order:
//
//  1. identity.Can: may this principal do this to that?
//  2. the domain's own rule, which reads and writes through a transaction;
//  3. the Decider: what does policy say of exactly these edits?
//  4. one transaction that holds the new state and its leaf in the record.
//
// The third step sees what the second would write, record by record, before and
// after; the fourth commits only if nothing that was read has moved, and starts
// again at the second if it has. So there is no state without its record, no
// decision on anything but what is written, and no change that happens twice:
// a Change carries an idempotency key, and its leaf can be created once.
//
// What policy requires besides (a sign-off, a proof, a delay) need not be there at
// once. The change is then stored as a Proposal instead of applied, and waits; what
// was signed is what is carried out, by the sign-off that completes it, or nothing
// is. See ADR 4. Its clerk, one replica at a time, does what the clock asks of it.
//
// Turning a capability off is never held up: policy is asked, and recorded, but
// cannot refuse it. Turning on in an emergency runs ahead of its sign-offs, never of
// a denial, and is taken back by itself unless it is ratified.
//
// Nothing else may call kv.Store.Update; a test of the imports sees to it, with
// a short list of named exceptions that hold no domain state.
package gate
