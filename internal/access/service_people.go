package access

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// SetGroups says which groups of the identity provider hold which roles. It
// counts at once, for those too who are signed in.
func (s *Service) SetGroups(ctx context.Context, o gate.Origin, g Groups) (Groups, gate.Receipt, error) {
	receipt, err := s.gate.Submit(ctx, o.Change(identity.SetGroups, identity.Target{Kind: "groups"}, g), groupsRule(g, o, s.known))
	return g, receipt, err
}

// Groups is the table of groups and its revision, 0 if there is none yet.
func (s *Service) Groups(ctx context.Context, who identity.Principal) (Groups, int64, error) {
	if err := identity.Can(who, identity.ReadAccess, identity.Target{Kind: "groups"}); err != nil {
		return Groups{}, 0, err
	}
	rec, err := kv.Get(s.records.store.View(ctx), theGroups)
	return rec.Value, rec.Revision, err
}

// DisablePerson locks a person out, on every replica as soon as it hears of it:
// its sessions and its tokens of the command line are gone, and stay gone if it
// is let in again. What it lent to others counts no more.
func (s *Service) DisablePerson(ctx context.Context, o gate.Origin, id string) (Person, gate.Receipt, error) {
	return s.lock(ctx, o, identity.DisablePerson, id, true)
}

// EnablePerson lets a person sign in again.
func (s *Service) EnablePerson(ctx context.Context, o gate.Origin, id string) (Person, gate.Receipt, error) {
	return s.lock(ctx, o, identity.EnablePerson, id, false)
}

func (s *Service) lock(ctx context.Context, o gate.Origin, a identity.Action, id string, disabled bool) (p Person, r gate.Receipt, err error) {
	if !strings.HasPrefix(id, personScheme) || !wellFormedID(strings.TrimPrefix(id, personScheme)) {
		return p, r, unknownPerson(id)
	}
	r, err = s.gate.Submit(ctx, o.Change(a, identity.Target{Kind: "person", ID: id}, map[string]string{"id": id, "reason": o.Reason}), lockRule(&p, id, disabled))
	return p, r, err
}

// Delegate lends a role of the principal's own to another person for a time.
func (s *Service) Delegate(ctx context.Context, o gate.Origin, req DelegationRequest) (Delegation, gate.Receipt, error) {
	d := Delegation{ID: newID(o.Key), To: req.To, Role: req.Role, Region: req.Region,
		Begins: req.Begins.UTC().Truncate(time.Second), Expires: req.Expires.UTC().Truncate(time.Second)}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.Delegate, d.target(), req), delegateRule(&d, s.known))
	if err == nil && receipt.Replayed {
		d, err = s.delegation(ctx, d.ID)
	}
	return d, receipt, err
}

func (s *Service) delegation(ctx context.Context, id string) (Delegation, error) {
	if !wellFormedID(id) {
		return Delegation{}, unknownDelegation(id)
	}
	rec, err := kv.Get(s.records.store.View(ctx), delegations.Key(id))
	if err == nil && !rec.Exists() {
		err = unknownDelegation(id)
	}
	return rec.Value, err
}

// EndDelegation ends a delegation before its time: by whoever lent the role, has
// it on loan, or may act for the region.
func (s *Service) EndDelegation(ctx context.Context, o gate.Origin, id string) (Delegation, gate.Receipt, error) {
	d, err := s.delegation(ctx, id) // its region never changes
	if fault.Is(err, fault.NotFound) {
		d, err = Delegation{ID: id, Region: identity.Every}, nil // the rule says so, to whoever may know
	}
	if err != nil {
		return d, gate.Receipt{}, err
	}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.EndDelegation, d.target(), map[string]string{"id": id, "reason": o.Reason}), endRule(&d, id))
	return d, receipt, err
}

// Delegations is all of them, ended and expired ones included, the last begun
// first.
func (s *Service) Delegations(ctx context.Context, who identity.Principal) ([]Delegation, error) {
	if err := identity.Can(who, identity.ReadAccess, identity.Target{Kind: "delegation"}); err != nil {
		return nil, err
	}
	sound, _, err := kv.ListSound(s.records.store.View(ctx), delegations)
	all := make([]Delegation, 0, len(sound))
	for _, e := range sound {
		all = append(all, e.Value)
	}
	slices.SortFunc(all, func(a, b Delegation) int { return cmp.Or(b.Begins.Compare(a.Begins), cmp.Compare(a.ID, b.ID)) })
	return all, err
}

// Show is one token, and when it was last used: to the minute, zero if never.
func (s *Service) Show(ctx context.Context, who identity.Principal, id string) (Token, int64, time.Time, error) {
	if err := identity.Can(who, identity.ReadTokens, target(id)); err != nil {
		return Token{}, 0, time.Time{}, err
	}
	if !wellFormedID(id) {
		return Token{}, 0, time.Time{}, unknownID(id)
	}
	view := s.records.store.View(ctx)
	rec, err := kv.Get(view, tokens.Key(id))
	switch {
	case err != nil:
		return Token{}, 0, time.Time{}, err
	case !rec.Exists():
		return Token{}, 0, time.Time{}, unknownID(id)
	}
	used, err := kv.Get(view, lastUsed.Key(id))
	return rec.Value, rec.Revision, used.Value, err
}

// LastUses is when each token was last used, to the minute, by id.
func (s *Service) LastUses(ctx context.Context, who identity.Principal) (map[string]time.Time, error) {
	if err := identity.Can(who, identity.ReadTokens, identity.Target{Kind: "token"}); err != nil {
		return nil, err
	}
	return s.records.lastUses(ctx)
}

// Rotation is what a token is rotated with.
type Rotation struct {
	Overlap time.Duration // for which the old one is still accepted; 0: it is not
	Expires time.Time     // of the new one; zero: it lives as long as the old one was meant to
}

// MaxOverlap is how long a rotated token may be accepted beside its successor.
const MaxOverlap = 30 * 24 * time.Hour

func (r Rotation) check() error {
	if r.Overlap >= 0 && r.Overlap <= MaxOverlap {
		return nil
	}
	return fault.New(fault.Invalid, "bad_overlap", "the overlap %s is negative or longer than %d days", r.Overlap, MaxOverlap/(24*time.Hour)).
		Do("choose the time in which every service can take over the new token, such as 24h").At("/overlap")
}

// Rotate issues a token that may do what an old one may, which is accepted only
// for the overlap from then on. Its errors are those of Issue; and Refused,
// token_not_live, for one that is revoked or expired.
func (s *Service) Rotate(ctx context.Context, o gate.Origin, id string, r Rotation) (string, Token, gate.Receipt, error) {
	if err := r.check(); err != nil {
		return "", Token{}, gate.Receipt{}, err
	}
	if !wellFormedID(id) {
		return "", Token{}, gate.Receipt{}, unknownID(id)
	}
	secret := newSecret()
	t := Token{ID: newID(o.Key), Hash: hashOf(secret), Replaces: id}
	request := map[string]any{"id": id, "overlap": r.Overlap.String(), "expires": r.Expires.UTC(), "reason": o.Reason}
	receipt, err := s.gate.Submit(ctx, o.Change(identity.RotateToken, target(id), request), rotateRule(&t, r, o))
	if err == nil && receipt.Replayed {
		t, err = s.ownToken(ctx, t, receipt)
	}
	if err != nil {
		return "", Token{}, receipt, err
	}
	return bearer(t.ID, secret), t, receipt, nil
}

// rotateRule makes t the successor of the token it replaces.
func rotateRule(t *Token, r Rotation, o gate.Origin) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		if err := checkReason(o.Reason); err != nil {
			return err
		}
		rec, err := kv.Get(tx, tokens.Key(t.Replaces))
		switch {
		case err != nil:
			return err
		case !rec.Exists():
			return unknownID(t.Replaces)
		case !rec.Value.Live(c.At):
			return fault.New(fault.Refused, "token_not_live", "the token %s of %s is revoked or expired", t.Replaces, rec.Value.Name).Do("issue a new one")
		}
		if err := o.CheckBase(c.Target, rec.Revision); err != nil {
			return err
		}
		old := rec.Value
		if err := (TokenRequest{Verbs: old.Verbs}).within(c.Actor); err != nil {
			return err
		}
		t.Name, t.Grants, t.Verbs, t.Expires = old.Name, old.Grants, old.Verbs, r.Expires.UTC().Truncate(time.Second)
		if t.Expires.IsZero() || r.Expires.IsZero() {
			t.Expires = c.At.Add(old.Expires.Sub(old.IssuedAt)).UTC().Truncate(time.Second)
		}
		if err := checkExpiry(t.Expires, c.At); err != nil {
			return err
		}
		if ends := c.At.Add(r.Overlap).UTC().Truncate(time.Second); ends.Before(old.Expires) {
			old.Expires = ends
		}
		old.ReplacedBy = t.ID
		if err := kv.Put(tx, tokens.Key(old.ID), old); err != nil {
			return err
		}
		return create(tx, t, c)
	}
}
