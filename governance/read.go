package governance

import (
	"context"

	"github.com/quorate/quorate/internal/kv"
)

// House reads a body with its seats, and the revision of the body.
func (s *Service) House(ctx context.Context, key string) (House, error) {
	return getHouse(s.store.View(ctx), key)
}

// Motion reads a motion.
func (s *Service) Motion(ctx context.Context, id string) (kv.Record[Motion], error) {
	return getMotion(s.store.View(ctx), id)
}

// Paper reads the latest paper of a motion.
func (s *Service) Paper(ctx context.Context, id string) (Paper, error) {
	tx := s.store.View(ctx)
	rec, err := getMotion(tx, id)
	if err != nil {
		return Paper{}, err
	}
	return getPaper(tx, rec.Value)
}

// Motions lists all motions, by id.
func (s *Service) Motions(ctx context.Context) ([]kv.Record[Motion], error) {
	return all(s.store.View(ctx), motions)
}

// Count reads the whole count of a motion that was counted.
func (s *Service) Count(ctx context.Context, id string) (Count, error) {
	tx := s.store.View(ctx)
	rec, err := getMotion(tx, id)
	if err != nil {
		return Count{}, err
	}
	if rec.Value.Outcome == nil {
		return Count{}, notCounted(rec.Value)
	}
	c, err := kv.Get(tx, counts.Key(id, sitting(rec.Value.Sittings)))
	return c.Value, err
}

// Case reads a business case.
func (s *Service) Case(ctx context.Context, id string) (kv.Record[Case], error) {
	return find(s.store.View(ctx), cases, unknownCase(id), id)
}
