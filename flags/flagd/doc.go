// Package flagd answers the three protocols of flagd, so that a portal service
// can use the flagd provider of its language as it is.
//
//	flagd.evaluation.v1, v2   a service asks for one flag (v1 also for all of
//	                          them) and hears of every change
//	flagd.sync.v1             a service is sent the definitions of its region,
//	                          again after every change, and evaluates by itself
//
// Each of them is spoken over gRPC, gRPC-Web and Connect, with protobuf and with
// JSON, over HTTP/1.1 and HTTP/2, with TLS and without.
//
// # Whose flags
//
// A region is a flag set. It is the one that the selector names
// (Flagd-Selector: flagSetId=co), or the only one that the credential covers;
// and whichever it is, the credential must cover it. flagd's own providers
// cannot send a token, so a credential is also a client certificate that stands
// for regions (Certificates), or, where the operator says so, the network
// itself, for one region. A token that is sent is honoured as everywhere else,
// and goes before the other two. Who is asked again while a stream is open: a
// token that was revoked ends the stream that it opened.
//
// # What it must never do
//
// It never says that a flag does not exist because nothing has been loaded yet:
// until then everything is UNAVAILABLE. It never sends a set that is not whole,
// since what is missing from it falls to the callers' defaults. It never gives a
// zero value for a flag that has none: v2 leaves the value unset, v1 says
// NOT_FOUND, and ResolveAll leaves the flag out. And it never waits for the
// store: while that is silent, the last values are served with the reason STALE.
//
// # Streams
//
// A stream has no queue. It holds the state that it sent last; when something
// changes it wakes, looks what is served now, and sends the difference or the
// whole. Whatever happened in between is thereby skipped, the latest wins, and
// ten thousand streams cost what ten thousand goroutines cost. What they send is
// made once for all of them. A reader that does not take what it is sent within
// ten seconds loses its stream, and will ask again.
//
// # Numbers
//
// A number is served to whoever asks for an integer or for a float if nothing is
// lost: 10 as the float 10.0, 1e3 as the integer 1000, but 3.14 as no integer,
// and no whole number beyond 2^53-1, which JavaScript cannot hold, as either.
// Asked otherwise the answer is the error TYPE_MISMATCH.
package flagd
