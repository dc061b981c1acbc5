package policy

import (
	"fmt"
	"slices"
	"time"
)

// A Waiver is an exception that the organization makes for itself, where the rule
// lets it. What a patient or a clinician lifts is a fact of the single case and is
// never stored.
type Waiver struct {
	ID           string   `json:"id"`
	RuleID       string   `json:"rule_id"`
	RuleDigest   string   `json:"rule_digest"` // of the record it was given for
	Jurisdiction string   `json:"jurisdiction"`
	Capability   string   `json:"capability"`
	Class        string   `json:"class"`
	GrantedBy    string   `json:"granted_by"`
	MayGrant     []string `json:"may_grant"` // classes that the issuer held
	Reason       string   `json:"reason"`
	Evidence     string   `json:"evidence,omitempty"`
	Issued       string   `json:"issued"`
	Expires      string   `json:"expires"` // first day on which it no longer counts
	MaxDays      int      `json:"max_days"`
	// Revision is that of its record in the store, 0 if it is in none.
	Revision int64 `json:"-"`
}

// CheckWaiver says why a waiver does not hold on a day; nil means that it does. It
// is asked when a waiver is written and again whenever one is read, so that a rule
// that became unwaivable, or changed, is not waived by what is left in the store.
func (b *Bundle) CheckWaiver(w Waiver, today Day) error {
	r := b.Records[w.RuleID]
	if r == nil {
		return fmt.Errorf("waiver %s: %q is no rule", clip(w.ID), clip(w.RuleID))
	}
	classes := r.waivable(today)
	switch {
	case len(classes) == 0:
		return fmt.Errorf("waiver %s: nobody can waive %s", clip(w.ID), r.ID)
	case !slices.Contains(classes, w.Class):
		return fmt.Errorf("waiver %s: class %q cannot waive %s, only %v can", clip(w.ID), clip(w.Class), r.ID, classes)
	case !slices.Contains(b.words.StoredWaiverClasses, w.Class):
		return fmt.Errorf("waiver %s: class %q is a fact of the single case and is not stored", clip(w.ID), w.Class)
	case w.GrantedBy == "" || !slices.Contains(w.MayGrant, w.Class):
		return fmt.Errorf("waiver %s: %q did not hold the class %s", clip(w.ID), clip(w.GrantedBy), w.Class)
	case w.Reason == "":
		return fmt.Errorf("waiver %s: it gives no reason", clip(w.ID))
	case w.RuleDigest != r.Digest():
		return fmt.Errorf("waiver %s: %s has changed since", clip(w.ID), r.ID)
	}
	return w.lasts(today)
}

func (w *Waiver) lasts(today Day) error {
	from, err := ParseDay(w.Issued)
	if err != nil {
		return fmt.Errorf("waiver %s: issued %w", clip(w.ID), err)
	}
	until, err := ParseDay(w.Expires)
	if err != nil {
		return fmt.Errorf("waiver %s: expires %w", clip(w.ID), err)
	}
	switch {
	case w.MaxDays <= 0 || shift(from, w.MaxDays) < until:
		return fmt.Errorf("waiver %s: it lasts longer than its %d days", clip(w.ID), w.MaxDays)
	case !from.begun(today):
		return fmt.Errorf("waiver %s: it begins on %s", clip(w.ID), from)
	case until.over(today):
		return fmt.Errorf("waiver %s: it ended with the day before %s", clip(w.ID), until)
	}
	return nil
}

// waived looks for a waiver of the rule that holds here and now.
func (c *situation) waived(r *Record) (string, bool) {
	for i := range c.in.Waivers {
		w := &c.in.Waivers[i]
		if w.RuleID != r.ID || w.Jurisdiction != c.jurisdiction || w.Capability != c.in.Capability {
			continue
		}
		if c.bundle.CheckWaiver(*w, c.today) == nil {
			c.boundary.see(Day(w.Expires))
			return w.ID, true
		}
		if from, err := ParseDay(w.Issued); err == nil {
			c.boundary.see(from)
		}
	}
	return "", false
}

// moment turns the boundary of a jurisdiction into a moment.
func (b *Bundle) moment(d Day, jurisdiction string) (time.Time, bool) {
	zone := b.places.zones[jurisdiction]
	if d == "" || zone == nil {
		return time.Time{}, false
	}
	return d.midnight(zone), true
}
