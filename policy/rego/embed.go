package rego

import "embed"

// Law is the default bundle: the registry, the rules, and what they share.
//
//go:embed .manifest decide jurisdictions lib registry rules tables vocabulary
var Law embed.FS
