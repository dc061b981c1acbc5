package gate

import (
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// A Standing says who a principal is at a time, as somebody who proposed something
// may be by then: with the roles it holds now. Its error is why it is let in no more.
// It MUST be safe for concurrent use.
type Standing func(author identity.Principal, at time.Time) (identity.Principal, error)

// AskStanding has the gate ask who the author of a change is by the time it would
// take effect: what somebody proposed who has been locked out since, or has lost the
// role, is not carried out. It is called once, before the first Submit.
func (g *Gate) AskStanding(s Standing) { g.standing = s }

// stillMay is why a change is no longer its author's to make, nil if it is. An
// emergency is in force already: those who sign decide whether it stays.
func (g *Gate) stillMay(p Proposal, at time.Time) error {
	if g.standing == nil || p.State != Pending {
		return nil
	}
	who, err := g.standing(p.Author.principal(), at)
	if err == nil {
		err = identity.Can(who, p.Action, p.Target)
	}
	if err == nil {
		return nil
	}
	return fault.New(fault.Refused, "author_may_not", "the change %s is of %s, who may no longer make it: %s", p.ID, p.Author.Name, fault.From(err).Message).
		Do("decline it, and have it proposed by somebody who may")
}
