package governance

import (
	"context"
	"encoding/hex"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// A prepared ballot is padded and committed to, on a paper as it was read before the
// change. What binds the change's key to it is the commitment, which tells nobody
// the vote.
type prepared struct {
	paper      string
	plain      []byte
	commitment string
	salt       []byte
}

// Cast casts the ballot of a seat, or replaces it. The same change sent again with
// the same key does it once; with another vote under that key it is refused.
//
// Whatever the vote, the store gets the same keys with values of the same length,
// the record a leaf of the same length, and every other answer is the same.
func (s *Service) Cast(ctx context.Context, o gate.Origin, motion, seat string, v Vote) (Receipt, gate.Receipt, error) {
	o, err := s.keyed(o)
	if err != nil {
		return Receipt{}, gate.Receipt{}, err
	}
	ready, err := s.prepare(ctx, o.Key, motion, seat, v)
	if err != nil {
		return Receipt{}, gate.Receipt{}, err
	}
	target := identity.Target{Kind: "ballot", ID: motion + "/" + seat}
	change := o.Change(identity.CastBallot, target, map[string]any{"motion": motion, "seat": seat, "commitment": ready.commitment})
	change.Veiled = []string{ballots.Prefix()}
	change.Reason = "" // a reason beside a ballot could tell it
	done, err := s.gate.Submit(ctx, change, func(tx *kv.Tx, c gate.Change) error { return s.cast(tx, c, motion, seat, ready) })
	if err != nil {
		return Receipt{}, done, err
	}
	return Receipt{Motion: motion, Seat: seat, Paper: ready.paper, Commitment: ready.commitment, Salt: hex.EncodeToString(ready.salt),
		Length: len(ready.plain) - saltSize - 2, Change: done.ID}, done, nil
}

// prepare makes the ballot on the paper as it stands. Where there is none to cast it
// on, the change goes on all the same: its refusal belongs on the record.
func (s *Service) prepare(ctx context.Context, key, motion, seat string, v Vote) (prepared, error) {
	tx := s.store.View(ctx)
	rec, err := getMotion(tx, motion)
	if err != nil || rec.Value.Opened == nil {
		return prepared{}, ignoreMissing(err)
	}
	if err := s.key.check(*rec.Value.Opened); err != nil {
		return prepared{}, err
	}
	p, err := getPaper(tx, rec.Value)
	if err != nil {
		return prepared{}, err
	}
	if err := p.check(v); err != nil {
		return prepared{}, err
	}
	hash := rec.Value.Opened.Hash
	salt := s.key.salt(hash, seat, key)
	plain, err := plaintext(v, salt, rec.Value.Opened.Length)
	return prepared{paper: hash, plain: plain, salt: salt, commitment: commitment(hash, seat, plain)}, err
}

func ignoreMissing(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (s *Service) cast(tx *kv.Tx, c gate.Change, motion, seat string, ready prepared) error {
	if err := identity.RequireFresh(c.Actor, c.At, identity.FreshFor); err != nil {
		return err
	}
	rec, err := getMotion(tx, motion)
	if err != nil {
		return err
	}
	m := rec.Value
	if m.State != Open {
		return m.notOpen()
	}
	if m.Opened.Hash != ready.paper {
		return fault.New(fault.Conflict, "other_paper", "the motion %s was opened on another paper meanwhile", motion).Do("read it again, then vote")
	}
	p, err := getPaper(tx, m)
	if err != nil {
		return err
	}
	if !keyWord.MatchString(seat) {
		return unknownSeat(m.Body, seat)
	}
	sat, err := kv.Get(tx, seats.Key(m.Body, seat))
	if err != nil {
		return err
	}
	sat.Value.Key = seat
	before, err := standingBallot(tx, m, seat)
	if err != nil {
		return err
	}
	person := personOf(c.Actor)
	place, err := mayCast(m, p, sat.Value, before, person, c.At)
	if err != nil {
		return err
	}
	if err := checkOnce(tx, m, seat, person); err != nil {
		return err
	}
	sealed, err := seal(*m.Opened, seat, ready.plain)
	if err != nil {
		return err
	}
	// If we crash here nothing was cast. The transaction compares the motion as it
	// was read above, so this ballot is before the close, or it is not at all.
	return kv.Put(tx, ballots.Key(motion, seat), Ballot{Motion: motion, Seat: seat, Paper: ready.paper, By: person, Place: place, At: c.At,
		Commitment: ready.commitment, Sealed: sealed, Change: c.ID})
}

// standingBallot is the ballot of a seat on the present paper, nil if there is none.
func standingBallot(tx *kv.Tx, m Motion, seat string) (*Ballot, error) {
	rec, err := kv.Get(tx, ballots.Key(m.ID, seat))
	if err != nil || !rec.Exists() || rec.Value.Paper != m.Opened.Hash {
		return nil, err
	}
	return &rec.Value, nil
}

// checkOnce keeps a person from having two ballots in one motion, as when they move
// from one seat to another while it is open. What they left behind stops counting
// against them once somebody else has replaced it.
func checkOnce(tx *kv.Tx, m Motion, seat string, person Person) error {
	rec, err := kv.Get(tx, casterKey(m, person.ID))
	if err != nil {
		return err
	}
	if rec.Exists() && rec.Value.Seat != seat {
		left, err := standingBallot(tx, m, rec.Value.Seat)
		if err != nil {
			return err
		}
		if left != nil && left.By.ID == person.ID {
			return fault.New(fault.Refused, "has_voted", "%s has cast the ballot of the seat %s on this motion, and nobody votes twice", person.Name, rec.Value.Seat).
				Do("it counts until whoever holds that seat now replaces it")
		}
	}
	return kv.Put(tx, casterKey(m, person.ID), Caster{Seat: seat})
}
