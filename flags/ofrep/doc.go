// Package ofrep answers the OpenFeature Remote Evaluation Protocol 0.3: a portal
// service asks for one capability, or for all of them, and is told the value,
// why, and whence it comes.
//
//	POST /regions/co/ofrep/v1/evaluate/flags/video_visit
//	{"context": {"targetingKey": "p-1", "patient": {"age": 44}}}
//
//	{"key": "video_visit", "value": true, "reason": "TARGETING_MATCH", "variant": "on", "metadata": {…}}
//
// The region is never taken on trust. It comes from the address
// (/regions/{region}/ofrep/v1/…), from the Flagd-Selector header, or is the one
// region that the credential covers; and whichever it is, the credential must
// cover it. Every answer is made from memory: nothing here waits for the store.
//
// An error makes a client serve its own default. That default must therefore be
// false; see docs/connect/ofrep.md. An error is always JSON in this protocol's
// own shape, with errorDetails and metadata, since providers in two languages
// fail without them.
//
// # How a change is told
//
// A browser asks for all flags once and then listens: the answer names a stream
// of server-sent events at which it is told, without any value, to ask again.
// The address of the stream is stable and carries a proof (see events.go) that
// is good for being told, and for nothing else, as long as the credential is.
// Whoever asks again unchanged is answered 304 without an evaluation.
//
// # What must never happen here
//
// The evaluation context is a patient's: it must never reach a log, an error or
// anything that outlives the request. A value must never be made up: a flag that
// fails is an error, not a default.
package ofrep
