package access

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// A relay is a sign-in on its way from the browser to the command line.
type relay struct {
	Person     string    `json:"person"`
	Challenge  string    `json:"challenge"` // S256 of what the command line kept to itself
	AuthTime   time.Time `json:"auth_time"`
	Methods    []string  `json:"methods,omitempty"`
	Expires    time.Time `json:"expires"`    // of the code
	Until      time.Time `json:"until"`      // of the session it stands for
	Generation int64     `json:"generation"` // of the person's sessions
}

// openSession writes what the provider said of the person and a new session,
// and uses up the sign-in it came from. It returns the revision.
//
// If we crash between the two, the provider's word on the person is newer than
// the person's last session here, which is as it should be.
func (d *Door) openSession(ctx context.Context, hash string, s Session, v Visit, state string) (int64, error) {
	used := usedUp.Key(hashOf(state))
	_, err := d.store.UpdateBrief(ctx, "", func(tx *kv.Tx) error {
		if err := d.mayEnter(tx, v.ID(), v.Name); err != nil {
			return err
		}
		if spent, err := kv.Get(tx, used); err != nil || spent.Exists() {
			return orReplayed(err)
		}
		last, err := kv.Get(tx, visitKey(v.ID()))
		if err != nil {
			return err
		}
		v.Generation = last.Value.Generation
		return kv.Put(tx, visitKey(v.ID()), v)
	})
	if err != nil {
		return 0, err
	}
	return d.create(ctx, hash, func(tx *kv.Tx) (Session, error) {
		if spent, err := kv.Get(tx, used); err != nil || spent.Exists() {
			return s, orReplayed(err)
		}
		s.Generation, err = d.generation(tx, s.Person)
		if err != nil {
			return s, err
		}
		return s, kv.Put(tx, used, "used")
	})
}

// create writes a session under the hash of its secret.
func (d *Door) create(ctx context.Context, hash string, make func(tx *kv.Tx) (Session, error)) (int64, error) {
	out, err := d.store.UpdateLeased(ctx, SessionLife, sessions.Key(hash).Path(), func(tx *kv.Tx) error {
		s, err := make(tx)
		if err != nil {
			return err
		}
		if err := d.mayEnter(tx, s.Person, "this person"); err != nil {
			return err
		}
		return kv.Create(tx, sessions.Key(hash), s)
	})
	return out.Revision, err
}

func (d *Door) mayEnter(tx *kv.Tx, id, name string) error {
	decided, err := kv.Get(tx, personKey(id))
	if err == nil && decided.Value.Disabled {
		return lockedOut(name)
	}
	return err
}

func (d *Door) generation(tx *kv.Tx, id string) (int64, error) {
	visit, err := kv.Get(tx, visitKey(id))
	return visit.Value.Generation, err
}

func orReplayed(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Invalid, "sign_in_replayed", "this sign-in has been used before").Do("sign in again")
}

// drop ends one session.
func (d *Door) drop(ctx context.Context, hash string) (int64, error) {
	out, err := d.store.UpdateBrief(ctx, "", func(tx *kv.Tx) error { return kv.Delete(tx, sessions.Key(hash)) })
	return out.Revision, err
}

// nextGeneration ends every session of a person with one write, those included
// that are just being made: they compare the generation they began with.
func (d *Door) nextGeneration(ctx context.Context, id string) (int64, error) {
	out, err := d.store.UpdateBrief(ctx, "", func(tx *kv.Tx) error {
		visit, err := kv.Get(tx, visitKey(id))
		if err != nil || !visit.Exists() {
			return err
		}
		visit.Value.Generation++
		return kv.Put(tx, visitKey(id), visit.Value)
	})
	return out.Revision, err
}

// putRelay keeps a code for the command line to redeem.
func (d *Door) putRelay(ctx context.Context, code string, r relay) error {
	key := relays.Key(hashOf(code))
	_, err := d.store.UpdateLeased(ctx, relayLife, key.Path(), func(tx *kv.Tx) error {
		var err error
		if r.Generation, err = d.generation(tx, r.Person); err != nil {
			return err
		}
		return kv.Create(tx, key, r)
	})
	return err
}

// redeem takes a code away and, if the verifier is the one it was made for, opens
// a session for it. A code that is tried with a wrong verifier is used up: whoever
// has it is not the one it was for.
func (d *Door) redeem(ctx context.Context, code, challenge, hash string, now time.Time, session func(relay) Session) (s Session, revision int64, err error) {
	key := relays.Key(hashOf(code))
	right := false
	out, err := d.store.UpdateLeased(ctx, SessionLife, "", func(tx *kv.Tx) error {
		rec, err := kv.Get(tx, key)
		switch {
		case err != nil:
			return err
		case !rec.Exists() || !now.Before(rec.Value.Expires):
			return badCode()
		}
		if err := kv.Delete(tx, key); err != nil {
			return err
		}
		if right = subtle.ConstantTimeCompare([]byte(rec.Value.Challenge), []byte(challenge)) == 1; !right {
			return nil
		}
		if err := d.mayEnter(tx, rec.Value.Person, "this person"); err != nil {
			return err
		}
		generation, err := d.generation(tx, rec.Value.Person)
		if err != nil {
			return err
		}
		if generation != rec.Value.Generation { // signed out everywhere meanwhile
			right = false
			return nil
		}
		s = session(rec.Value)
		s.Generation = generation
		return kv.Create(tx, sessions.Key(hash), s)
	})
	if err == nil && !right {
		err = badCode()
	}
	return s, out.Revision, err
}

func badCode() error {
	return fault.New(fault.Unauthenticated, "bad_code", "the code is unknown, used, expired or not for this command line").Do("say `quorate login` again")
}

// touch writes when a session was last used.
func touch(ctx context.Context, store *kv.Store, hash string, at time.Time) error {
	_, err := store.UpdateBrief(ctx, "", func(tx *kv.Tx) error {
		rec, err := kv.Get(tx, sessions.Key(hash))
		if at = at.UTC().Truncate(time.Second); err != nil || !rec.Exists() || !at.After(rec.Value.Seen) {
			return err
		}
		rec.Value.Seen = at
		return kv.Put(tx, sessions.Key(hash), rec.Value)
	})
	return err
}

// lastUsed says when a token was last used, to the minute.
var lastUsed = kv.NewCollection[time.Time]("last-used", 1)

// used writes when a token was last used, unless another replica has written a
// later time or one less than a minute earlier.
func (r records) used(ctx context.Context, id string, at time.Time) error {
	_, err := r.store.UpdateBrief(ctx, "", func(tx *kv.Tx) error {
		rec, err := kv.Get(tx, lastUsed.Key(id))
		if at = at.UTC().Truncate(time.Second); err != nil || at.Sub(rec.Value) < touchEach {
			return err
		}
		return kv.Put(tx, lastUsed.Key(id), at)
	})
	return err
}

// lastUses is when each token was last used, by id.
func (r records) lastUses(ctx context.Context) (map[string]time.Time, error) {
	sound, _, err := kv.ListSound(r.store.View(ctx), lastUsed)
	uses := map[string]time.Time{}
	for _, e := range sound {
		if parts, ok := lastUsed.Split(e.Path); ok {
			uses[parts[0]] = e.Value
		}
	}
	return uses, err
}
