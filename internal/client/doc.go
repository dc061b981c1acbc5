// Package client speaks Quorate's API for the command line.
//
// Each method is one operation and returns what the API answered twice: typed,
// for tables, and as the JSON it was, for whoever asked for JSON. Errors are
// faults, rebuilt from the problem that was sent, so that a refusal reads the
// same and ends with the same exit code wherever it happened.
//
// # A change is made once
//
// Every change gets an idempotency key. When the server does not answer, answers
// that it has no store, or does not know what became of the change, the very same
// change is sent again under the very same key until Patience is over: the server
// sees to it that it happens once. Three ends are possible and told apart: it was
// applied; it was not, for nothing ever reached the store; or it is not known,
// and the fault gives the command with which to ask. "Failed" is never said of a
// change that may have happened.
//
// No error repeats the token or an evaluation context.
package client
