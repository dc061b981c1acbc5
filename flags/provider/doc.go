// Package provider is the OpenFeature provider for portal services written in Go.
// It evaluates in the service's own process:
//
//	p, err := provider.New("https://quorate.internal:8013", provider.WithRegion("co"), provider.WithFile("/var/lib/portal/co.flags"))
//	err = openfeature.SetProviderWithContextAndWait(ctx, p)
//	on, err := openfeature.NewClient("portal").BooleanValue(ctx, "video_visit", false, patient)
//
// A stream brings the region's whole set of flags at once and again after each
// change (flagd.sync.v1). A question is answered from memory, in about a
// microsecond, without I/O; what is known of a patient never leaves the process.
// The last good set is kept on disk, so that a service that is restarted while
// Quorate cannot be reached answers as before (package upstream).
//
// # The caller's default
//
// OpenFeature serves the caller's default whenever something goes wrong. For a
// capability that default must be false: pass false. Where a caller passes true
// all the same, this provider gives false instead of an error, with the reason
// ERROR and what went wrong in the metadata (errorCode, errorDetails). Two cases
// are out of its reach, because the SDK does not ask it then: before it is READY,
// and after it was shut down. So wait for it (…AndWait) before the first question.
// A flag that is disabled, or has no default variant, is no error: it gives the
// caller's default, as the specification says. No capability that Quorate serves
// is either.
//
// # Status
//
//	READY   a set is served. Before there is one, start waits, and then fails;
//	        it goes on trying, and tells READY when it comes
//	STALE   Quorate is not heard of; the last good set is served, values have
//	        the reason STALE and say staleSince
//	ERROR   Quorate refuses us, or what it sends cannot be used or is older than
//	        what was seen; the last good set is served. Somebody should look
//
// Without contact a capability is served from the last set for ever, unless a
// rule made it strict: then its lease runs out, by default after a minute, and it
// is off with the variant "stale". The lease is reckoned by the monotonic clock,
// and, so that a restart does not prolong it, by the wall clock as well.
//
// # Use
//
// Tracking counts that somebody used a capability, if WithTracking names the
// server's API. What leaves the process is a count per capability, event,
// facility and coarse group, ten seconds at a time, and nothing else of the
// context. It never blocks, and drops what it cannot send.
package provider
