package ui

import (
	"net/http"
	"strconv"

	"github.com/quorate/quorate/internal/fault"
)

// formFault reports whether an error is one that whoever filled in the form can do
// something about, and so is said on the form.
func formFault(err error) bool {
	return fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused) || fault.Is(err, fault.Conflict)
}

// wrong shows a form again with what was wrong. at is the page's own error; keep puts
// back what was entered.
func (u *UI) wrong(w http.ResponseWriter, r *http.Request, p Page, at **FormError, err error, keep func()) error {
	f := fault.From(err)
	keep()
	p.frame().Title = "Error: " + p.frame().Title
	*at = &FormError{Field: fieldOf(f.Field), Says: capital(f.Message), Do: capital(f.Remedy)}
	return u.writeStatus(w, r, f.Kind.HTTPStatus(), p)
}

// numberOf is a whole number of a form, 0 if there is none.
func numberOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
