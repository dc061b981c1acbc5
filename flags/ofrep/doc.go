// Package ofrep answers the OpenFeature Remote Evaluation Protocol: a portal
// service asks for one capability, or for all of them, and is told the value,
// why, and whence it comes.
//
// The region is never taken on trust. It comes from the address
// (/regions/{region}/ofrep/v1/…), from the Flagd-Selector header, or is the one
// region that the credential covers; and whichever it is, the credential must
// cover it. Every answer is made from memory: nothing here waits for the store.
//
// An error makes a client serve its own default. That default must therefore be
// false; see the pages on connecting a service.
package ofrep
