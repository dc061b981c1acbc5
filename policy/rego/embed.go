package rego

import "embed"

// Law is the default bundle: the registry, the rules, and what they share.
//
//go:embed .manifest decide jurisdictions lib registry rules tables vocabulary
var Law embed.FS

// Gate is who must sign what: the group's own rules over changes.
//
//go:embed gate/gate.rego
var Gate embed.FS
