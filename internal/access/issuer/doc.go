// Package issuer is an identity provider for the demo and for tests: a real
// OpenID Connect issuer, on a certified library, in this process.
//
// It exists so that the demo and every test come in by the same door as
// production: discovery, authorization code, PKCE, signed tokens. What it leaves
// out is proof. Instead of asking for a password it shows the accounts, named by
// role, and whoever can reach it chooses one. Nothing is kept: its keys and codes
// are gone when it stops.
//
// It must never be part of a server. `quorate serve` has no way to start one: the
// server does not import this package, and a test of the imports sees to it.
package issuer
