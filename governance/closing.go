package governance

import (
	"slices"
	"time"

	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/fault"
)

// A Closing is when and why a motion closed. Its revision is that of the change.
type Closing struct {
	Act Act    `json:"act"`
	Why string `json:"why"` // "deadline" or "all_voted"
}

// due says why an open motion may be closed now. Nothing else closes it: not the
// chair, not an operator.
func due(m Motion, p Paper, cast map[string]bool, at time.Time) (why string, ok bool) {
	switch {
	case !at.Before(m.Opened.Closes):
		return "deadline", true
	case p.CloseWhenAllVoted && m.allVoted(p, cast):
		return "all_voted", true
	}
	return "", false
}

func (m Motion) allVoted(p Paper, cast map[string]bool) bool {
	return !slices.ContainsFunc(p.Roll, func(r tally.Member) bool { return !cast[r.Key] && !m.isRecused(r.Key) })
}

// closeMotion is the motion after its close, or as it was if it is closed already.
func closeMotion(m Motion, p Paper, cast map[string]bool, act Act) (Motion, error) {
	if m.State != Open {
		if m.Closed != nil {
			return m, nil
		}
		return m, m.wrongState("closed", Open)
	}
	why, ok := due(m, p, cast, act.At)
	if !ok {
		return m, fault.New(fault.Refused, "not_due", "the motion %s is open until %s", m.ID, m.Opened.Closes.Format(time.RFC3339)).
			Do("wait until then; it closes by itself")
	}
	m.State, m.Closed = Closed, &Closing{Act: act, Why: why}
	return m, nil
}
