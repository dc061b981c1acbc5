// Package server wires the rooms of the house together and runs them.
//
// It starts the store (or connects to a cluster), follows it, serves the API,
// OFREP, health and metrics on one listener, and stops in the opposite order:
// first nothing new is let in, then what is under way is finished, then the
// store is closed. It decides nothing itself.
//
// The order of starting is also an order of trust. A store that is older than
// what this replica has seen is refused before anything is served. Until the
// first snapshot has been loaded, /readyz and every evaluation say so; once it
// has, evaluation goes on whatever becomes of the store.
package server
