package governance

import (
	"context"
	"time"

	"github.com/quorate/quorate/internal/fault"
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

// A Cast says that a seat has voted, and nothing of how.
type Cast struct {
	Seat       string    `json:"seat"`
	By         Person    `json:"by"`
	Place      Place     `json:"place"`
	At         time.Time `json:"at"`
	Commitment string    `json:"commitment"`
	Change     string    `json:"change"` // its leaf in the record
}

// WhoCast lists which seats have a ballot on the latest paper of a motion.
func (s *Service) WhoCast(ctx context.Context, id string) ([]Cast, error) {
	tx := s.store.View(ctx)
	rec, err := getMotion(tx, id)
	if err != nil {
		return nil, err
	}
	ballots, err := getBallots(tx, rec.Value)
	list := make([]Cast, 0, len(ballots))
	for _, b := range ballots {
		list = append(list, Cast{Seat: b.Seat, By: b.By, Place: b.Place, At: b.At, Commitment: b.Commitment, Change: b.Change})
	}
	return list, err
}

// CaseChanges lists what a version of a case changed against the one before.
func (s *Service) CaseChanges(ctx context.Context, id string, version int) ([]Line, error) {
	tx := s.store.View(ctx)
	if _, err := find(tx, cases, unknownCase(id), id); err != nil {
		return nil, err
	}
	after, err := kv.Get(tx, versions.Key(id, sitting(version)))
	if err == nil && !after.Exists() {
		err = fault.New(fault.NotFound, "unknown_version", "the case %s has no version %d", id, version).Do("see `quorate case show %s`", id)
	}
	if err != nil {
		return nil, err
	}
	before, err := kv.Get(tx, versions.Key(id, sitting(version-1)))
	return append([]Line{}, Diff(before.Value, after.Value)...), err
}
