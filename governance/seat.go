package governance

import (
	"cmp"
	"slices"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Seat is who occupies a seat of a body. What the seat is stands in the charter;
// who holds it is fact.
type Seat struct {
	Body       string   `json:"body"`
	Key        string   `json:"key"`
	Holder     *Tenure  `json:"holder,omitempty"`
	Acting     *Tenure  `json:"acting,omitempty"` // for the holder, or while there is none
	Alternates []Tenure `json:"alternates,omitempty" nullable:"false"`
	Past       []Tenure `json:"past,omitempty" nullable:"false"` // the latest maxPast; the record holds all
}

// A Tenure is one person's time in a seat.
type Tenure struct {
	Person    Person `json:"person"`
	Place     Place  `json:"place"`
	Physician bool   `json:"physician,omitempty"` // as recorded
	Until     string `json:"until,omitempty"`     // last day of the term, YYYY-MM-DD; none: until vacated
	Since     Act    `json:"since"`
	Ended     *Act   `json:"ended,omitempty"`
}

// Place is in what way somebody occupies a seat.
type Place string

// The places, the first in line first: the holder's ballot stands before that of
// whoever acts for the holder, and both before an alternate's.
const (
	Holding   Place = "holder"
	ActingFor Place = "acting"
	Alternate Place = "alternate"
)

// Places lists them in that order.
var Places = []Place{Holding, ActingFor, Alternate}

const (
	maxPast       = 20
	maxAlternates = 5
)

func (p Place) rank() int { return slices.Index(Places, p) }

// on reports whether the term still runs at a time.
func (t Tenure) on(at time.Time) bool {
	return t.Ended == nil && (t.Until == "" || at.UTC().Format(time.DateOnly) <= t.Until)
}

// occupants are those whose term runs, first in line first.
func (s Seat) occupants(at time.Time) []Tenure {
	var list []Tenure
	for _, t := range []*Tenure{s.Holder, s.Acting} {
		if t != nil && t.on(at) {
			list = append(list, *t)
		}
	}
	for _, t := range s.Alternates {
		if t.on(at) {
			list = append(list, t)
		}
	}
	return list
}

// of is a person's tenure of the seat at a time.
func (s Seat) of(person string, at time.Time) (Tenure, bool) {
	for _, t := range s.occupants(at) {
		if t.Person.ID == person {
			return t, true
		}
	}
	return Tenure{}, false
}

// first is whoever is first in line, if anybody is.
func (s Seat) first(at time.Time) (Tenure, bool) {
	list := s.occupants(at)
	if len(list) == 0 {
		return Tenure{}, false
	}
	return list[0], true
}

// appoint puts a person into a seat. A physician's seat takes a physician, in every
// place: whoever casts its ballot does so as one.
func appoint(rule SeatRule, s Seat, t Tenure) (Seat, error) {
	if err := t.check(t.Since.At); err != nil {
		return s, err
	}
	if rule.Physician && !t.Physician {
		return s, fault.New(fault.Refused, "not_a_physician", "the seat %s must be a physician's, and %s is not recorded as one", s.Key, t.Person.Name).
			Do("record them with --physician, if they are").At("/physician")
	}
	if _, there := s.of(t.Person.ID, t.Since.At); there {
		return s, fault.New(fault.Refused, "occupies_already", "%s occupies the seat %s already", t.Person.Name, s.Key).
			Do("end that first; see `quorate seat show`")
	}
	switch t.Place {
	case Holding:
		s = s.end(s.Holder, t.Since)
		s.Holder = &t
	case ActingFor:
		s = s.end(s.Acting, t.Since)
		s.Acting = &t
	case Alternate:
		if len(s.Alternates) == maxAlternates {
			return s, fault.New(fault.Refused, "too_many_alternates", "the seat %s has %d alternates already", s.Key, maxAlternates).Do("end one first")
		}
		s.Alternates = append(slices.Clone(s.Alternates), t)
	}
	return s, nil
}

func (t Tenure) check(now time.Time) error {
	if err := t.Person.check("/person"); err != nil {
		return err
	}
	if t.Place.rank() < 0 {
		return bad("/place", string(t.Place), "a seat is occupied as %v", Places)
	}
	if t.Until == "" {
		return nil
	}
	if d, err := time.Parse(time.DateOnly, t.Until); err != nil || d.Format(time.DateOnly) != t.Until || t.Until < now.UTC().Format(time.DateOnly) {
		return bad("/until", t.Until, "say with a date to come (YYYY-MM-DD) when the term ends, or leave it out")
	}
	return nil
}

// vacate ends what a person has in a seat. It is a fact, so nothing can refuse it
// but that it is not so.
func vacate(s Seat, person string, act Act) (Seat, error) {
	if s.Holder != nil && s.Holder.Person.ID == person {
		s = s.end(s.Holder, act)
		s.Holder = nil
		return s, nil
	}
	if s.Acting != nil && s.Acting.Person.ID == person {
		s = s.end(s.Acting, act)
		s.Acting = nil
		return s, nil
	}
	if i := slices.IndexFunc(s.Alternates, func(t Tenure) bool { return t.Person.ID == person }); i >= 0 {
		t := s.Alternates[i]
		s.Alternates = slices.Delete(slices.Clone(s.Alternates), i, i+1)
		return s.end(&t, act), nil
	}
	return s, fault.New(fault.NotFound, "not_in_seat", "nobody with the id %.80q occupies the seat %s", person, s.Key).
		Do("see who does with `quorate seat list`")
}

// end moves a tenure to the past.
func (s Seat) end(t *Tenure, act Act) Seat {
	if t == nil {
		return s
	}
	over := *t
	over.Ended = &act
	s.Past = append(slices.Clone(s.Past), over)
	if n := len(s.Past) - maxPast; n > 0 {
		s.Past = s.Past[n:]
	}
	return s
}

// A House is a body with its seats, as they stand at a moment.
type House struct {
	Body  Body
	Seats map[string]Seat // by key; a seat that nobody ever held is absent
}

// A Standing is in what way a person may act for a body.
type Standing struct {
	Capacity Capacity
	Seat     SeatRule // if by a seat
	Tenure   Tenure
	Chair    bool // first in line for the seat in the chair
}

// standing finds a person's seat, a voting one before an advisory one.
func (h House) standing(person string, at time.Time) (Standing, bool) {
	var found []Standing
	for _, rule := range h.Body.Charter.Seats {
		t, ok := h.Seats[rule.Key].of(person, at)
		if !ok {
			continue
		}
		first, _ := h.Seats[rule.Key].first(at)
		st := Standing{Capacity: AsAdvisory, Seat: rule, Tenure: t, Chair: rule.Key == h.Body.Charter.Chair && first.Person.ID == person}
		if rule.Voting {
			st.Capacity = AsVoting
		}
		found = append(found, st)
	}
	if len(found) > 0 {
		return slices.MinFunc(found, func(a, b Standing) int {
			return cmp.Or(cmp.Compare(a.weight(), b.weight()), cmp.Compare(a.Tenure.Place.rank(), b.Tenure.Place.rank()))
		}), true
	}
	if h.Body.Secretary.ID == person && person != "" {
		return Standing{Capacity: AsSecretary}, true
	}
	return Standing{}, false
}

func (s Standing) weight() int {
	if s.Capacity == AsVoting {
		return 0
	}
	return 1
}

// as says a standing in words for the record.
func (s Standing) as() string {
	switch {
	case s.Chair:
		return "chair, " + string(s.Tenure.Place) + " of " + s.Seat.Key
	case s.Seat.Key != "":
		return string(s.Tenure.Place) + " of " + s.Seat.Key
	}
	return string(s.Capacity)
}

// presides reports whether a person may open motions and keep the roll: the chair,
// or the secretary.
func (h House) presides(person string, at time.Time) (string, bool) {
	if h.Body.Secretary.ID == person && person != "" {
		return string(AsSecretary), true
	}
	if t, ok := h.Seats[h.Body.Charter.Chair].first(at); ok && t.Person.ID == person {
		return "chair, " + string(t.Place) + " of " + h.Body.Charter.Chair, true
	}
	return "", false
}

// elsewhere is the voting seat, other than one, that a person occupies: nobody has
// two.
func (h House) elsewhere(person, seat string, at time.Time) (string, bool) {
	for _, rule := range h.Body.Charter.Seats {
		if rule.Key == seat || !rule.Voting {
			continue
		}
		if _, ok := h.Seats[rule.Key].of(person, at); ok {
			return rule.Key, true
		}
	}
	return "", false
}
