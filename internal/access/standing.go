package access

import (
	"strings"
	"time"

	"github.com/quorate/quorate/internal/identity"
)

// Standing says who a principal is now, of whom something is kept that it asked for
// earlier: a person with the roles it holds by now. Its error is why it is let in no
// more: person_disabled, token_revoked; or NotReady, before the store has been read.
// A token that has merely expired stands for what it was: it was good when it asked.
func (d *Directory) Standing(p identity.Principal, now time.Time) (identity.Principal, error) {
	entries := d.entries.Load()
	if entries == nil {
		return p, notLoaded()
	}
	if id, isToken := strings.CutPrefix(p.ID, "token:"); isToken {
		if e := (*entries)[id]; e != nil && !e.revoked.IsZero() {
			return p, e.accepted(id, now)
		}
		return p, nil
	}
	if strings.HasPrefix(p.ID, personScheme) {
		return d.crowd.standing(p, now)
	}
	return p, nil
}

// standing is Standing for a person; one that never was here is left as it is.
func (c *crowd) standing(p identity.Principal, now time.Time) (identity.Principal, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.people[p.ID].Disabled {
		return p, lockedOut(p.Name)
	}
	if _, known := c.visits[p.ID]; known {
		p.Grants = c.grantsOf(p.ID, now)
	}
	return p, nil
}
