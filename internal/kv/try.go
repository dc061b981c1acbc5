package kv

import (
	"maps"
	"slices"
)

// Try runs fn. If it fails, what it wrote is forgotten as if it had never been; what
// it read still guards the commit, since the transaction may rest on the failure.
func (tx *Tx) Try(fn func() error) error {
	writes, order := maps.Clone(tx.writes), slices.Clone(tx.order)
	err := fn()
	if err != nil {
		tx.writes, tx.order = writes, order
	}
	return err
}
