package access

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// crowd is what a directory knows of people: a mirror of the store, kept by the
// follower's goroutine and read by every request.
type crowd struct {
	mu          sync.RWMutex
	sessions    map[string]*session // by hash
	visits      map[string]Visit    // by person
	people      map[string]person   // by person; those about whom something was decided
	delegations map[string]Delegation
	groups      Groups
}

func newCrowd() *crowd {
	return &crowd{sessions: map[string]*session{}, visits: map[string]Visit{}, people: map[string]person{}, delegations: map[string]Delegation{}}
}

type session struct {
	Session
	created int64 // revision
	// seen is the last request here, in Unix seconds; what was stored may be a
	// minute older, or newer if another replica answered. asked is when it was last
	// handed over to be written.
	seen, asked atomic.Int64
}

// person is what was decided, with the revision at which it was: it ends every
// session that was begun before.
type person struct {
	Person
	revision int64
}

// session finds a session by the hash of its secret; nil if there is none.
func (c *crowd) session(hash string) *session {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.sessions[hash]
}

// principal says who holds a session. It is asked for with the hash of the
// secret that was shown. touch is set if the time of this request should be
// written. The errors are those of Directory.Authenticate for tokens, told of a
// session.
func (c *crowd) principal(hash string, now time.Time) (p identity.Principal, touch bool, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.sessions[hash]
	if s == nil {
		return identity.Principal{}, false, signedOut()
	}
	visit, known := c.visits[s.Person]
	decided := c.people[s.Person]
	seen := time.Unix(max(s.seen.Load(), s.Seen.Unix()), 0)
	switch err := s.accepted(seen, now); {
	case decided.Disabled:
		return identity.Principal{}, false, lockedOut(visit.Name)
	case !known || s.Generation != visit.Generation || s.created < decided.revision:
		return identity.Principal{}, false, signedOut()
	case err != nil:
		return identity.Principal{}, false, err
	}
	s.seen.Store(now.Unix())
	last := s.asked.Load()
	touch = s.Channel == Browser && now.Sub(s.Seen) >= touchEach && now.Unix()-last >= int64(touchEach/time.Second) && s.asked.CompareAndSwap(last, now.Unix())
	return identity.Principal{ID: s.Person, Name: visit.Name, Grants: c.grantsOf(s.Person, now),
		Strength: identity.BySignIn, AuthTime: s.AuthTime, Methods: s.Methods}, touch, nil
}

func lockedOut(name string) error {
	return fault.New(fault.Unauthenticated, "person_disabled", "%s may not come in any more", name).Do("ask an operator")
}

// grantsOf is what a person holds at that time: what its groups hold, and what
// others lend it that hold it themselves. mu is held.
func (c *crowd) grantsOf(id string, now time.Time) []identity.Grant {
	grants := c.ownGrants(id)
	for _, d := range c.delegations {
		if d.To == id && d.Live(now) && holds(c.ownGrants(d.From), d.Role, d.Region) {
			grants = append(grants, d.grant())
		}
	}
	slices.SortStableFunc(grants, func(a, b identity.Grant) int {
		if (a.Via == "") == (b.Via == "") {
			return 0
		}
		if a.Via == "" {
			return -1
		}
		return 1
	})
	return grants
}

// ownGrants is what a person holds by its groups, as of its last sign-in; nothing
// if it is locked out. mu is held.
func (c *crowd) ownGrants(id string) []identity.Grant {
	visit, known := c.visits[id]
	if !known || c.people[id].Disabled {
		return nil
	}
	return c.groups.grants(visit.Groups)
}
