// Package upstream keeps what a Quorate server, or any other that speaks
// flagd.sync.v1, last said of one flag set. The Go provider and the edge stand on
// it.
//
// A portal service must be able to answer while we restart, while the network is
// away, and after its own restart. So a Follower holds one stream, over which the
// whole set comes at once and again after each change, and keeps the last good
// one in memory and, if it is given a file, on disk:
//
//	f, err := upstream.New(upstream.Config{URL: "https://quorate.internal:8013", Region: "co", File: "co.snapshot", Now: time.Now})
//	go f.Run(ctx)
//	<-f.Ready()
//	set := f.State().Set
//
// # What is a good set
//
// One that is whole, compiles, and is not older than what was seen: a server that
// was restored from a backup, or lags behind another, must not turn back on what
// has been turned off. Each set names the life of the store it comes from (its
// incarnation and epoch) and its revision. One from an earlier life, from another
// store, or of an earlier revision of the same life is refused, and the last good
// one stays. Removing the file makes a follower forget what it saw.
//
// # Leases
//
// A flag may be good only for so long after its source was last known to speak
// for it. The end of that time comes inside the definition, so that those who
// know nothing of leases keep to it; it is taken out here, because otherwise
// each renewal would look like a change. State.Silence says how long ago the
// server last spoke for the set, by the server's own account or by our clock,
// whichever is longer: a clock that was set back prolongs no lease.
//
// # What it must never do
//
// It never applies part of a set, never blocks a reader (State is one atomic
// load), never waits for its listeners, and never sends anything but its name and
// the selector. No evaluation context passes through here.
package upstream
