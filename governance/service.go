package governance

import (
	"context"
	"slices"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// Service has the verbs of this slice. Each is one change through the gate; none
// writes otherwise. It is safe for concurrent use.
type Service struct {
	gate  *gate.Gate
	store *kv.Store
	flags *flags.Service
	key   SealKey
	now   func() time.Time
}

// CheckKey says whether this replica has the seal key that the ballots of the store
// are for. Where no body was founded yet, any key will do.
func (s *Service) CheckKey(ctx context.Context) error {
	rec, err := kv.Get(s.store.View(ctx), seals.Key("store"))
	if err != nil || !rec.Exists() {
		return err
	}
	return s.key.match(rec.Value)
}

// NewService makes the verbs. All replicas of a store need the same key.
func NewService(g *gate.Gate, store *kv.Store, f *flags.Service, key SealKey, now func() time.Time) *Service {
	return &Service{gate: g, store: store, flags: f, key: key, now: now}
}

// FoundBody founds the first body, and with it ends the operator's power to grant
// offers. Any further body is founded by a motion of one that stands: otherwise an
// operator could found one that does as the operator likes.
func (s *Service) FoundBody(ctx context.Context, o gate.Origin, f Founding) (gate.Receipt, error) {
	target := identity.Target{Kind: "body", ID: f.Body.Key}
	return s.gate.Submit(ctx, o.Change(identity.FoundBody, target, f), func(tx *kv.Tx, c gate.Change) error {
		if err := checkReason(c.Reason); err != nil {
			return err
		}
		standing, err := kv.List(tx, bodies)
		if err != nil {
			return err
		}
		for _, b := range standing {
			return fault.New(fault.Refused, "founded_by_motion", "the body %s stands, and a further one is founded by its motion", b.Value.Key).
				Do("move it: `quorate motion move --kind found`")
		}
		act := actOf(c, string(identity.Operator))
		if err := flags.Govern(tx, act.flagged()); err != nil {
			return err
		}
		if err := s.key.hold(tx, act); err != nil {
			return err
		}
		return foundBody(tx, f, act)
	})
}

func foundBody(tx *kv.Tx, f Founding, act Act) error {
	h, err := f.found(act)
	if err != nil {
		return err
	}
	before, err := kv.Get(tx, bodies.Key(f.Body.Key))
	if err != nil {
		return err
	}
	if before.Exists() {
		return fault.New(fault.Refused, "body_stands", "the body %s stands already", f.Body.Key).Do("choose another key")
	}
	if err := kv.Put(tx, bodies.Key(h.Body.Key), h.Body); err != nil {
		return err
	}
	for _, rule := range h.Body.Charter.Seats {
		seat, ok := h.Seats[rule.Key]
		if !ok {
			continue
		}
		if err := kv.Put(tx, seats.Key(h.Body.Key, seat.Key), seat); err != nil {
			return err
		}
	}
	return nil
}

// seatVerb changes one seat of a body.
func (s *Service) seatVerb(ctx context.Context, o gate.Origin, a identity.Action, body, seat string, request any,
	change func(h House, c gate.Change) (Seat, error)) (gate.Receipt, error) {
	target := identity.Target{Kind: "seat", ID: body + "/" + seat}
	return s.gate.Submit(ctx, o.Change(a, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := checkReason(c.Reason); err != nil {
			return err
		}
		h, err := getHouse(tx, body)
		if err != nil {
			return err
		}
		if _, ok := h.Body.Charter.Seat(seat); !ok {
			return unknownSeat(body, seat)
		}
		after, err := change(h, c)
		if err != nil {
			return err
		}
		return kv.Put(tx, seats.Key(body, seat), after)
	})
}

// Appoint records who holds a seat, acts for its holder, or is an alternate.
func (s *Service) Appoint(ctx context.Context, o gate.Origin, body string, a Appointment) (gate.Receipt, error) {
	request := map[string]any{"appoint": a, "body": body, "reason": o.Reason}
	return s.seatVerb(ctx, o, identity.RecordSeat, body, a.Seat, request, func(h House, c gate.Change) (Seat, error) {
		as, err := keepsSeats(h, c)
		if err != nil {
			return Seat{}, err
		}
		return h.appoint(a, actOf(c, as))
	})
}

// Vacate records that somebody no longer occupies a seat. A fact is never refused.
func (s *Service) Vacate(ctx context.Context, o gate.Origin, body, seat, person string) (gate.Receipt, error) {
	request := map[string]any{"vacate": person, "body": body, "seat": seat, "reason": o.Reason}
	return s.seatVerb(ctx, o, identity.RecordSeat, body, seat, request, func(h House, c gate.Change) (Seat, error) {
		as, err := keepsSeats(h, c)
		if err != nil {
			return Seat{}, err
		}
		return vacate(h.Seats[seat], person, actOf(c, as))
	})
}

// Resign gives up one's own place in a seat.
func (s *Service) Resign(ctx context.Context, o gate.Origin, body, seat string) (gate.Receipt, error) {
	request := map[string]any{"resign": true, "body": body, "seat": seat, "reason": o.Reason}
	return s.seatVerb(ctx, o, identity.ResignSeat, body, seat, request, func(h House, c gate.Change) (Seat, error) {
		return vacate(h.Seats[seat], c.Actor.ID, actOf(c, "self"))
	})
}

// keepsSeats: the chair and the secretary of the body record its facts; where
// neither is there, whoever holds the role of a secretary for all regions.
func keepsSeats(h House, c gate.Change) (as string, err error) {
	if as, ok := h.presides(c.Actor.ID, c.At); ok {
		return as, nil
	}
	if slices.ContainsFunc(c.Actor.Grants, func(g identity.Grant) bool { return g.Role == identity.Secretary && g.Covers("") }) {
		return string(identity.Secretary), nil
	}
	return "", notPresiding(h, c, "records who holds its seats")
}

func notPresiding(h House, c gate.Change, what string) error {
	return fault.New(fault.Forbidden, "not_presiding", "%s is neither in the chair of %s nor its secretary, who %s", c.Actor.Name, h.Body.Key, what).
		Do("ask them")
}

// SetSecretary records who is secretary of a body.
func (s *Service) SetSecretary(ctx context.Context, o gate.Origin, body string, p Person) (gate.Receipt, error) {
	request := map[string]any{"secretary": p, "body": body, "reason": o.Reason}
	target := identity.Target{Kind: "body", ID: body}
	return s.gate.Submit(ctx, o.Change(identity.RecordSeat, target, request), func(tx *kv.Tx, c gate.Change) error {
		if err := checkReason(c.Reason); err != nil {
			return err
		}
		h, err := getHouse(tx, body)
		if err != nil {
			return err
		}
		if _, err := keepsSeats(h, c); err != nil {
			return err
		}
		if err := p.check("/person"); err != nil {
			return err
		}
		h.Body.Secretary = p
		return kv.Put(tx, bodies.Key(body), h.Body)
	})
}

// SetCycle sets a body's year, or moves its days.
func (s *Service) SetCycle(ctx context.Context, o gate.Origin, cycle Cycle) (gate.Receipt, error) {
	target := identity.Target{Kind: "cycle", ID: cycle.Key}
	return s.gate.Submit(ctx, o.Change(identity.SetCycle, target, cycle), func(tx *kv.Tx, c gate.Change) error {
		if err := checkReason(c.Reason); err != nil {
			return err
		}
		if err := cycle.check(); err != nil {
			return err
		}
		h, err := getHouse(tx, cycle.Body)
		if err != nil {
			return err
		}
		as, ok := h.presides(c.Actor.ID, c.At)
		if !ok {
			return notPresiding(h, c, "set its year")
		}
		before, err := kv.Get(tx, cycles.Key(cycle.Key))
		if err != nil {
			return err
		}
		if err := o.CheckBase(target, before.Revision); err != nil {
			return err
		}
		after, err := cycle.set(before.Value, actOf(c, as))
		if err != nil {
			return err
		}
		return kv.Put(tx, cycles.Key(cycle.Key), after)
	})
}
