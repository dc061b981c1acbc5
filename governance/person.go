package governance

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// A Person is whoever acts, as sign-in knows them. The name is by role.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// An Act is who did something, in which capacity, when and why, with the change
// that recorded it.
type Act struct {
	Change string    `json:"change"`
	By     Person    `json:"by"`
	As     string    `json:"as,omitempty"` // "chair", "holder of co-1", "acting for co-1": at that time
	At     time.Time `json:"at"`           // UTC
	Reason string    `json:"reason,omitempty"`
}

func personOf(p identity.Principal) Person { return Person{ID: p.ID, Name: p.Name} }

func actOf(c gate.Change, as string) Act {
	return Act{Change: c.ID, By: personOf(c.Actor), As: as, At: c.At, Reason: c.Reason}
}

// flagged is the act as the slice of flags keeps it.
func (a Act) flagged() flags.Act {
	return flags.Act{Change: a.Change, By: a.By.Name, At: a.At, Reason: a.Reason}
}

func (p Person) check(field string) error {
	if !plain(p.ID, 200) {
		return bad(field+"/id", p.ID, "name a person by the id with which they sign in, as `quorate whoami` shows it")
	}
	if !plain(p.Name, 120) {
		return bad(field+"/name", p.Name, "a person's name is by role, in 1 to 120 characters: Colorado chief of medicine")
	}
	return nil
}

// bad is a fault about one field.
func bad(field, value, remedy string, args ...any) error {
	return fault.New(fault.Invalid, "bad_value", "%s: %.80q is not a valid value", field, value).Do(remedy, args...).At(field)
}

// plain reports whether s is text for people of 1 to limit characters.
func plain(s string, limit int) bool {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > limit {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' {
			return false
		}
	}
	return true
}

func checkReason(reason string) error {
	if plain(reason, gate.MaxReason) {
		return nil
	}
	return bad("/reason", reason, "say why in 1 to 1,000 printable characters")
}
