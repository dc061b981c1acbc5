package fault

import (
	"errors"
	"fmt"
	"time"
)

// Error is one fault. It is a value to be built once and not changed after it
// has been returned; the builder methods below return the same pointer while it
// is being built.
type Error struct {
	Kind    Kind   // decides status and exit code
	Code    string // stable word for programs, lower_snake_case, e.g. "unknown_region"
	Message string // what was wrong, with which value; one sentence, no final stop
	Remedy  string // what to do now; one sentence, "" when there is nothing to do
	Field   string // JSON pointer or option that carried the bad value, "" if none
	Link    string // path where the outcome can be asked for, "" if none
	Detail  error  // for the operator's log only, may be nil
	// After is when it makes sense to ask again; 0: the kind decides, if it does.
	After time.Duration
}

// New makes a fault; format and args say what was wrong, with which value.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Do says what the one who asked can do about it.
func (e *Error) Do(format string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(format, args...)
	return e
}

// At names the field or option that carried the bad value.
func (e *Error) At(field string) *Error {
	e.Field = field
	return e
}

// Because keeps the cause for the operator. It is logged, never sent.
func (e *Error) Because(cause error) *Error {
	e.Detail = cause
	return e
}

// See gives the path at which the outcome of an unknown write can be asked for.
func (e *Error) See(path string) *Error {
	e.Link = path
	return e
}

// Wait says how long to wait before asking again.
func (e *Error) Wait(after time.Duration) *Error {
	e.After = after
	return e
}

// Error is the message for the one who asked, with the remedy. It leaves out
// the operator's detail on purpose.
func (e *Error) Error() string {
	if e.Remedy == "" {
		return e.Message
	}
	return e.Message + "; " + e.Remedy
}

// Unwrap gives the operator's cause, so that errors.Is sees through a fault.
func (e *Error) Unwrap() error { return e.Detail }

// From finds the fault in err's chain. An error that is none is Internal: its
// text may hold anything, so it becomes the operator's detail and the message
// says only that it was not the caller's doing. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return New(Internal, "internal", "something went wrong inside Quorate").
		Do("try again; if it stays, give the operator the request id").
		Because(err)
}

// Is reports whether err is, or wraps, a fault of that kind.
func Is(err error, kind Kind) bool {
	var f *Error
	return errors.As(err, &f) && f.Kind == kind
}

// HasCode reports whether err is, or wraps, a fault with that code.
func HasCode(err error, code string) bool {
	var f *Error
	return errors.As(err, &f) && f.Code == code
}
