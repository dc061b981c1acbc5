package flags

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Freeze is a time in which a region turns nothing on: the end of a year, a
// change of the record system. It blocks turning on and never turning off. A
// start or a stage that falls into it takes effect at its end.
type Freeze struct {
	ID      string `json:"id"` // "year_end"
	Region  string `json:"region"`
	From    string `json:"from,omitempty"` // local date and time; "": from when it was set
	To      string `json:"to"`             // local date and time, not included
	Created Act    `json:"created"`        // with the reason
	Changed *Act   `json:"changed,omitempty"`
	Ended   *Act   `json:"ended,omitempty"` // before To
}

var freezeID = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$`)

// span is a freeze in unix seconds, from included and to not. It blocks changes
// from the very second in which it was set, and moves what comes from the next.
type span struct {
	from, to, blocks int64
	freeze           Freeze
}

// spans are a region's freezes by their start.
type spans []span

// span reads a freeze in its region's zone. It never reaches back before it was
// set, so what had taken effect by then stays.
func (f Freeze) span(zone *time.Location) (span, error) {
	to, err := instant(f.To, zone)
	if err != nil {
		return span{}, err
	}
	s := span{from: wholeSecond(f.Created.At), blocks: f.Created.At.Unix(), to: to.Unix(), freeze: f}
	if f.From != "" {
		from, err := instant(f.From, zone)
		if err != nil {
			return span{}, err
		}
		s.from, s.blocks = max(s.from, from.Unix()), max(s.blocks, from.Unix())
	}
	if f.Ended != nil {
		s.to = min(s.to, f.Ended.At.Unix())
	}
	return s, nil
}

// wholeSecond is the first whole second that is not before t.
func wholeSecond(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// spansOf reads freezes; one that is over before it began is none, nor is one
// that cannot be read.
func spansOf(freezes []Freeze, zone *time.Location) spans {
	var list spans
	for _, f := range freezes {
		if s, err := f.span(zone); err == nil && s.blocks < s.to {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.freeze.ID, b.freeze.ID)) })
	return list
}

// shift moves a moment to the end of the freeze it falls into, and of the next
// if that begins before. It returns the last freeze that moved it.
func (list spans) shift(unix int64) (moved int64, by string) {
	moved = unix
	for _, s := range list {
		if s.from <= moved && moved < s.to {
			moved, by = s.to, s.freeze.ID
		}
	}
	return moved, by
}

// at finds the freeze that is on at a moment, the one that ends last.
func (list spans) at(unix int64) (span, bool) {
	var found span
	for _, s := range list {
		if s.blocks <= unix && unix < s.to && s.to > found.to {
			found = s
		}
	}
	return found, found.to != 0
}

// check says what is wrong with a freeze that is to be set at a time.
func (f Freeze) check(zone *time.Location, now time.Time, before Freeze) error {
	if !freezeID.MatchString(f.ID) {
		return bad("/id", f.ID, "a freeze has an id of up to 64 lower-case letters, digits, hyphens and underscores, such as year_end")
	}
	to, err := checkTime("/to", f.To, "", zone, now)
	if err != nil {
		return err
	}
	if to.IsZero() {
		return bad("/to", f.To, "say with a local date and time when it ends, such as 2027-01-02T06:00")
	}
	from, err := checkTime("/from", f.From, before.From, zone, now)
	if err != nil {
		return err
	}
	if f.From == None || !from.IsZero() && !to.After(from) {
		return bad("/to", f.To, "the end comes after the start, %s", f.From)
	}
	return nil
}

// setFreeze makes the freeze that stands after it was set. One that has begun
// keeps its start: to move it would bring forward what it holds back.
func setFreeze(f, before Freeze, zone *time.Location, act Act) (Freeze, error) {
	if err := f.check(zone, act.At, before); err != nil {
		return Freeze{}, err
	}
	f.Created, f.Changed, f.Ended = act, nil, nil
	if before.ID == "" {
		return f, nil
	}
	s, err := before.span(zone)
	if err != nil {
		return Freeze{}, err
	}
	now := act.At.Unix()
	switch {
	case now >= s.to:
		return Freeze{}, fault.New(fault.Refused, "freeze_over", "the freeze %s is over since %s", f.ID, localTime(s.to, zone)).
			Do("set one under another id").At("/id")
	case f.From == before.From && f.To == before.To:
		return before, nil
	case now >= s.from && f.From != before.From:
		return Freeze{}, fault.New(fault.Refused, "freeze_begun", "the freeze %s has begun at %s, so its start stands", f.ID, localTime(s.from, zone)).
			Do("leave from as it is; the end can still be moved").At("/from")
	}
	if f.From == before.From {
		f.Created, f.Changed = before.Created, &act
	}
	return f, nil
}

// endFreeze ends a freeze before its time. One that is over stays as it is.
func endFreeze(f Freeze, zone *time.Location, act Act) Freeze {
	if s, err := f.span(zone); err == nil && act.At.Unix() < s.to {
		f.Ended = &act
	}
	return f
}

// frozen refuses what would turn something on while a freeze lasts.
func frozen(s span, zone *time.Location, what string) error {
	return fault.New(fault.Refused, "frozen", "%s is frozen until %s (%s) by %s, “%s”, so %s", s.freeze.Region, localTime(s.to, zone), zone,
		s.freeze.ID, s.freeze.Created.Reason, what).
		Do("wait until then, let it start after that, or end the freeze with `quorate freeze end %s --region %s`", s.freeze.ID, s.freeze.Region)
}
