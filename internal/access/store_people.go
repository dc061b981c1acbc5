package access

import (
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
)

var (
	people      = kv.NewCollection[Person]("people", 1)
	delegations = kv.NewCollection[Delegation]("delegations", 1)
	groupTable  = kv.NewCollection[Groups]("access", 1)

	// What follows is no state of the domain: it has no leaf in the record.
	visits   = kv.NewCollection[Visit]("visits", 1)
	sessions = kv.NewCollection[Session]("sessions", 1)
	usedUp   = kv.NewCollection[string]("used-sign-ins", 1) // by the hash of their state
	relays   = kv.NewCollection[relay]("relays", 1)         // by the hash of their code
)

var theGroups = groupTable.Key("groups")

// visitKey leaves the scheme of a person's id out of its place.
func visitKey(id string) kv.Key[Visit]   { return visits.Key(strings.TrimPrefix(id, personScheme)) }
func personKey(id string) kv.Key[Person] { return people.Key(strings.TrimPrefix(id, personScheme)) }

// groupsRule sets the table of groups.
func groupsRule(g Groups, o gate.Origin, known func(string) bool) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		if err := g.check(known); err != nil {
			return err
		}
		rec, err := kv.Get(tx, theGroups)
		if err != nil {
			return err
		}
		if err := o.CheckBase(c.Target, rec.Revision); err != nil {
			return err
		}
		return kv.Put(tx, theGroups, g)
	}
}

// lockRule locks a person out, or lets it in again, and leaves in p how it stands.
func lockRule(p *Person, id string, disabled bool) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		visit, err := kv.Get(tx, visitKey(id))
		switch {
		case err != nil:
			return err
		case !visit.Exists():
			return unknownPerson(id)
		case id == c.Actor.ID:
			return fault.New(fault.Refused, "locks_self_out", "%s would lock itself out", c.Actor.Name).Do("sign out everywhere instead, or ask another operator")
		}
		rec, err := kv.Get(tx, personKey(id))
		if err != nil {
			return err
		}
		if rec.Exists() && rec.Value.Disabled == disabled || !rec.Exists() && !disabled {
			*p = Person{ID: id, Name: visit.Value.Name}
			if rec.Exists() {
				*p = rec.Value
			}
			return nil
		}
		*p = Person{ID: id, Name: visit.Value.Name, Disabled: disabled, At: c.At, By: c.Actor.ID, Reason: c.Reason, Change: c.ID}
		return kv.Put(tx, personKey(id), *p)
	}
}

func unknownPerson(id string) error {
	return fault.New(fault.NotFound, "unknown_person", "nobody with the id %.60q has signed in here", id).
		Do("list who has with `quorate access show`").At("id")
}

// delegateRule writes a new delegation. Whom it is for must have signed in once,
// so that a slip of the pen delegates to nobody.
func delegateRule(d *Delegation, known func(string) bool) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		if d.Begins.IsZero() {
			d.Begins = c.At.Truncate(time.Second)
		}
		if err := d.check(c.Actor, c.At, known); err != nil {
			return err
		}
		if err := needReason(c.Reason); err != nil {
			return err
		}
		to, err := kv.Get(tx, visitKey(d.To))
		switch {
		case err != nil:
			return err
		case !to.Exists():
			return fault.From(unknownPerson(d.To)).At("/to")
		}
		d.From, d.FromAs, d.Reason, d.Change = c.Actor.ID, c.Actor.Name, c.Reason, c.ID
		return kv.Create(tx, delegations.Key(d.ID), *d)
	}
}

func needReason(reason string) error {
	if strings.TrimSpace(reason) != "" {
		return nil
	}
	return fault.New(fault.Invalid, "no_reason", "no reason was given").Do("say why, for the record").At("/reason")
}

// endRule ends a delegation that has not ended yet, and leaves in d how it stands.
// The one it was lent to may always give it back.
func endRule(d *Delegation, id string) gate.Rule {
	return func(tx *kv.Tx, c gate.Change) error {
		if !wellFormedID(id) {
			return unknownDelegation(id)
		}
		rec, err := kv.Get(tx, delegations.Key(id))
		switch {
		case err != nil:
			return err
		case !rec.Exists():
			return unknownDelegation(id)
		}
		if *d = rec.Value; d.Ended != nil {
			return nil
		}
		d.Ended = &Revocation{At: c.At, By: c.Actor.ID, Reason: c.Reason, Change: c.ID}
		return kv.Put(tx, delegations.Key(id), *d)
	}
}

func unknownDelegation(id string) error {
	return fault.New(fault.NotFound, "unknown_delegation", "there is no delegation with the id %.40q", id).
		Do("list them with `quorate access delegations`").At("id")
}

// follow is called from the follower's goroutine alone.
func (d *Directory) followPeople(b kv.Batch) {
	d.crowd.mu.Lock()
	defer d.crowd.mu.Unlock()
	for _, e := range b.Events {
		if err := d.crowd.take(e); err != nil {
			d.log.Error("a record of who may come in cannot be read; it lets nobody in", "path", e.Path, "revision", e.Revision, "error", err)
		}
	}
}

// peoplePrefixes is what followPeople is handed.
func peoplePrefixes() []string {
	return []string{people.Prefix(), delegations.Prefix(), groupTable.Prefix(), visits.Prefix(), sessions.Prefix()}
}

// take takes over one event. A record that cannot be read is as if it were not
// there, but for a person about whom something was decided: that one is locked
// out. mu is held.
func (c *crowd) take(e kv.Event) error {
	if parts, ok := sessions.Split(e.Path); ok {
		return c.takeSession(parts[0], e)
	}
	if parts, ok := visits.Split(e.Path); ok {
		return takeInto(c.visits, personScheme+parts[0], e, visits)
	}
	if parts, ok := delegations.Split(e.Path); ok {
		return takeInto(c.delegations, parts[0], e, delegations)
	}
	if parts, ok := people.Split(e.Path); ok {
		id := personScheme + parts[0]
		if e.Value == nil {
			delete(c.people, id)
			return nil
		}
		p, err := people.Decode(e.Path, e.Value)
		if err != nil {
			p.Disabled = true
		}
		c.people[id] = person{Person: p, revision: e.Revision}
		return err
	}
	if e.Path != theGroups.Path() {
		return nil
	}
	c.groups = Groups{}
	if e.Value == nil {
		return nil
	}
	g, err := groupTable.Decode(e.Path, e.Value)
	c.groups = g
	return err
}

func takeInto[T any](into map[string]T, id string, e kv.Event, from kv.Collection[T]) error {
	delete(into, id)
	if e.Value == nil {
		return nil
	}
	value, err := from.Decode(e.Path, e.Value)
	if err == nil {
		into[id] = value
	}
	return err
}

func (c *crowd) takeSession(hash string, e kv.Event) error {
	old := c.sessions[hash]
	delete(c.sessions, hash)
	if e.Value == nil {
		return nil
	}
	value, err := sessions.Decode(e.Path, e.Value)
	if err != nil {
		return err
	}
	next := &session{Session: value, created: e.Created}
	if old != nil {
		next.seen.Store(old.seen.Load())
		next.asked.Store(old.asked.Load())
	}
	c.sessions[hash] = next
	return nil
}
