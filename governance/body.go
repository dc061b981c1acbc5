package governance

import (
	"fmt"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Body decides under a charter.
type Body struct {
	Key            string  `json:"key"`
	Name           string  `json:"name"`
	Charter        Charter `json:"charter"`
	CharterVersion int     `json:"charter_version,omitzero"` // from 1
	CharterMotion  string  `json:"charter_motion,omitempty"` // that gave it its present charter; none: the founding
	Secretary      Person  `json:"secretary,omitzero"`
	Founded        Act     `json:"founded,omitzero"`
}

// Check says what is wrong with a body that is to be founded.
func (b Body) Check() error {
	if !keyWord.MatchString(b.Key) {
		return bad("/key", b.Key, "a body has a key of lower-case letters, digits and hyphens, such as strategy")
	}
	if !plain(b.Name, 120) {
		return bad("/name", b.Name, "a body's name has 1 to 120 characters")
	}
	if b.Secretary != (Person{}) {
		if err := b.Secretary.check("/secretary"); err != nil {
			return err
		}
	}
	return b.Charter.Check()
}

// Shortfalls says in which ways the body, as its seats are filled at a moment, is
// below its charter. None: it is whole.
func (h House) Shortfalls(at time.Time) []string {
	c := h.Body.Charter
	var short []string
	var filled, physicians, all int64
	for _, s := range c.Seats {
		if !s.Voting {
			continue
		}
		all += s.votes()
		t, ok := h.Seats[s.Key].first(at)
		if !ok {
			continue
		}
		filled += s.votes()
		if t.Physician {
			physicians += s.votes()
		}
		if s.Physician && !t.Physician {
			short = append(short, fmt.Sprintf("the seat %s must be a physician's, and %s is not one", s.Key, t.Person.Name))
		}
	}
	chair, ok := h.Seats[c.Chair].first(at)
	switch {
	case !ok:
		short = append(short, "nobody holds the chair or acts for it")
	case c.PhysicianLed && !chair.Physician:
		short = append(short, "the chair is not a physician")
	}
	if 2*filled <= all {
		short = append(short, fmt.Sprintf("only %d of %d votes have somebody to cast them", filled, all))
	}
	if c.PhysicianLed && 2*physicians <= filled {
		short = append(short, fmt.Sprintf("physicians have %d of the %d votes that are filled, which is not more than half", physicians, filled))
	}
	return short
}

// checkWhole refuses what a body below its charter may not do.
func (h House) checkWhole(k Kind, at time.Time) error {
	short := h.Shortfalls(at)
	if len(short) == 0 || k.onlyTurnsOff() {
		return nil
	}
	return fault.New(fault.Refused, "below_charter", "the body %s is below its charter (%s), so it may only turn things off and fill seats", h.Body.Key, short[0]).
		Do("fill its seats; see `quorate body show %s`", h.Body.Key)
}

// A Founding is a body with those who first sit in it.
type Founding struct {
	Body      Body          `json:"body"`
	Occupants []Appointment `json:"occupants" nullable:"false"`
}

// An Appointment puts a person into a seat.
type Appointment struct {
	Seat      string `json:"seat"`
	Person    Person `json:"person"`
	Place     Place  `json:"place" enum:"holder,acting,alternate"`
	Physician bool   `json:"physician,omitempty"`
	Until     string `json:"until,omitempty" maxLength:"10"`
}

// maxOccupants keeps a founding within one transaction of the store.
const maxOccupants = 110

// Check says what is wrong with a founding.
func (f Founding) Check() error {
	if len(f.Occupants) > maxOccupants {
		return bad("/occupants", "", "found it with at most %d occupants, and record the others after", maxOccupants)
	}
	return f.Body.Check()
}

// found makes a body and its seats. It must be whole from the start.
func (f Founding) found(act Act) (House, error) {
	if err := f.Check(); err != nil {
		return House{}, err
	}
	h := House{Body: f.Body, Seats: map[string]Seat{}}
	h.Body.Founded, h.Body.CharterVersion, h.Body.CharterMotion = act, 1, ""
	for _, a := range f.Occupants {
		seat, err := h.appoint(a, act)
		if err != nil {
			return h, err
		}
		h.Seats[a.Seat] = seat
	}
	if short := h.Shortfalls(act.At); len(short) > 0 {
		return h, fault.New(fault.Refused, "below_charter", "the body %s would be below its charter: %s", h.Body.Key, short[0]).
			Do("name who holds its seats").At("/occupants")
	}
	return h, nil
}

// appoint is the seat after somebody was put into it. Nobody has two voting seats of
// a body, in whatever place, or they could cast two ballots.
func (h House) appoint(a Appointment, act Act) (Seat, error) {
	rule, ok := h.Body.Charter.Seat(a.Seat)
	if !ok {
		return Seat{}, unknownSeat(h.Body.Key, a.Seat)
	}
	if other, has := h.elsewhere(a.Person.ID, a.Seat, act.At); has && rule.Voting {
		return Seat{}, fault.New(fault.Refused, "has_a_seat", "%s occupies the seat %s already, and nobody has two votes", a.Person.Name, other).
			Do("end that first").At("/person")
	}
	seat := h.Seats[a.Seat]
	seat.Body, seat.Key = h.Body.Key, a.Seat
	return appoint(rule, seat, Tenure{Person: a.Person, Place: a.Place, Physician: a.Physician, Until: a.Until, Since: act})
}

func unknownSeat(body, key string) error {
	return fault.New(fault.NotFound, "unknown_seat", "the charter of %s has no seat %.60q", body, key).
		Do("see its seats with `quorate body show %s`", body)
}

func unknownBody(key string) error {
	return fault.New(fault.NotFound, "unknown_body", "there is no body %.60q", key).Do("list them with `quorate body list`")
}
