package kv

import (
	"context"
	"crypto/rand"

	"github.com/quorate/quorate/internal/fault"
)

var secrets = NewCollection[[]byte]("meta/secrets", 1)

// secretBytes is the size of a secret.
const secretBytes = 32

// Secret is a key that all replicas of a store share, made by whoever asks first.
// It is no state of the domain: no leaf of the record ever holds it, so whoever
// may read the record does not have it.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	key := secrets.Key(name)
	found, err := Get(s.View(ctx), key)
	if err != nil || found.Exists() {
		return found.Value, err
	}
	fresh := make([]byte, secretBytes)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fault.From(err)
	}
	if _, err := s.Update(ctx, key.Path(), func(tx *Tx) error { return Create(tx, key, fresh) }); err != nil {
		return nil, err
	}
	found, err = Get(s.View(ctx), key) // another replica's, if it was faster
	return found.Value, err
}
