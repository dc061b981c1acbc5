// Package edge serves flags near those who ask, without a store: over OFREP and
// flagd's protocols, from the sync stream of a Quorate server, or from plain flagd
// definition files. It is what stands in a hospital's own network, and a drop-in
// for flagd.
//
//	quorate edge --upstream https://quorate.example.org:8015 --region co
//	quorate edge --source file:/etc/flags/co.json
//
// # Sources
//
// What is served comes from sources, in an order. A file is read again when it
// changes, also when it is replaced by a rename or a link is pointed elsewhere; a
// broken one leaves the last good set as it was and is logged. A region of an
// upstream server is followed as the Go provider does (package upstream), last
// good set on disk included. Where two sources have the same flag, the later one
// counts.
//
// A question may choose: flagSetId=co is the flags of that set, source=PATH those
// of that source, nothing all of them. The edge of several regions has no answer
// to a question that chooses nothing: there a flag of one region could stand for
// that of another.
//
// # Who may ask
//
// Files are served to whoever reaches the address, which is this host unless said
// otherwise, as flagd does. An upstream's regions are served to tokens, which the
// upstream's API is asked about and which are honoured without it until they
// expire; to client certificates; or, by explicit option, to the network.
//
// # Freshness
//
// Without contact the last set is served for ever, with the reason STALE. What a
// rule made strict is off once its lease has run out; how long that is comes from
// the upstream, whose account passes through to whoever evaluates behind this
// edge. A file is always fresh.
//
// # What it must never do
//
// It never answers before every source has been read once, never serves part of a
// set, and never changes anything: it has no store and no API to write to.
package edge
