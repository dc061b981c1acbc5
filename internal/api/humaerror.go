package api

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/quorate/quorate/internal/fault"
)

// huma makes its error bodies through two variables of its package and offers
// no other way, so they are set once for the process, before any API exists.
// Nothing else in the house may set them. By a third, a field is called by its
// name alone: "Text" beside "text" would be the same thing said twice.
func init() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(nil, status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(ctx, status, msg, errs)
	}
}

// fromHuma makes a problem of what huma has to say.
func fromHuma(ctx huma.Context, status int, msg string, errs []error) huma.StatusError {
	if ctx == nil { // huma asks what an error looks like, to document it
		return &Details{Status: status, Detail: msg}
	}
	d := humaDetails(ctx, status, msg, errs)
	for name, value := range headersOf(d) {
		ctx.SetHeader(name, value)
	}
	return d
}

// humaDetails tells apart the error that a handler returned, a body that could
// not be read, and a request that does not fit the operation's schema.
func humaDetails(ctx huma.Context, status int, msg string, errs []error) *Details {
	var f *fault.Error
	var tooLarge *http.MaxBytesError
	err := errors.Join(errs...)
	switch {
	case errors.As(err, &f), errors.As(err, &tooLarge):
		return detailsOf(ctx.Context(), err)
	case status == http.StatusInternalServerError && msg == "cannot read request body":
		err = fault.New(fault.Invalid, "body_unreadable", "the request body broke off").Do("send the request again").Because(err)
		return detailsOf(ctx.Context(), err)
	case status >= http.StatusInternalServerError:
		return detailsOf(ctx.Context(), fmt.Errorf("%s: %w", msg, err))
	}
	discreet := isConfidential(ctx.Operation())
	d := detailsOf(ctx.Context(), misfit(ctx, status, msg, errs, discreet))
	d.Status = httpsOwn(status, d.Status)
	if len(errs) > 1 {
		d.Errors = violations(errs, discreet)
	}
	return d
}

// confidential marks an operation in its metadata.
const confidential = "confidential"

// Confidential marks an operation whose body holds an evaluation context, or
// anything else of a patient: what is wrong with such a body is said without
// repeating a name or a value of it.
func Confidential(op huma.Operation) huma.Operation {
	op.Metadata = maps.Clone(op.Metadata)
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[confidential] = true
	return op
}

func isConfidential(op *huma.Operation) bool { return op != nil && op.Metadata[confidential] == true }

// httpsOwn keeps the statuses that HTTP defines for one sort of bad request.
func httpsOwn(status, byKind int) int {
	switch status {
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusRequestTimeout, http.StatusUnsupportedMediaType:
		return status
	}
	return byKind
}

const seeDocument = "compare the request with the operation in " + Prefix + "/openapi.json"

// misfit is the fault of a request that does not fit its operation.
func misfit(ctx huma.Context, status int, msg string, errs []error, discreet bool) *fault.Error {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return bodyTooLarge(ctx.Operation().MaxBodyBytes)
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.Invalid, "unsupported_media_type", "the body is said to be %.60q, which is not understood here", ctx.Header("Content-Type")).
			Do("send JSON with `Content-Type: application/json`").At("Content-Type")
	case http.StatusNotAcceptable:
		return fault.New(fault.Invalid, "not_acceptable", "no answer of the type %.60q can be given", ctx.Header("Accept")).
			Do("accept application/json").At("Accept")
	case http.StatusRequestTimeout:
		return fault.New(fault.Invalid, "body_too_slow", "the request body did not arrive in time").Do("send the request again")
	}
	if len(errs) == 0 {
		return fault.New(fault.Invalid, "bad_request", "%s", msg).Do(seeDocument)
	}
	return violationFault(status, violationOf(errs[0], discreet), errs[0])
}

func violationFault(status int, v Violation, err error) *fault.Error {
	code := "invalid_request"
	switch message := messageOf(err); {
	case message == errTwice.Error():
		return fault.New(fault.Invalid, "duplicate_name", "the body is ambiguous: %s", message).Do("say each thing once")
	case message == errNested.Error():
		return fault.New(fault.Invalid, "nested_too_deep", "the body cannot be meant: %s", message).Do(seeDocument)
	case status == http.StatusBadRequest && v.Field == wholeBody:
		return fault.New(fault.Invalid, "malformed_json", "the body is not JSON: %s", v.Detail).Do("send one JSON value and nothing after it")
	case message == validation.MsgUnexpectedProperty:
		code = "unknown_field"
	case required.MatchString(message):
		code = "missing_field"
	}
	return fault.New(fault.Invalid, code, "%s: %s", v.Field, v.Detail).Do(seeDocument).At(v.Field)
}

func violations(errs []error, discreet bool) []Violation {
	var vs []Violation
	for _, err := range errs {
		vs = append(vs, violationOf(err, discreet))
	}
	return vs
}

func messageOf(err error) string {
	if d, ok := err.(huma.ErrorDetailer); ok {
		return d.ErrorDetail().Message
	}
	return err.Error()
}

// wholeBody stands for the body itself, whose JSON pointer would be empty.
const wholeBody = "body"

var (
	required = regexp.MustCompile(`^expected required property (.+) to be present$`)
	index    = regexp.MustCompile(`\[(\d+)\]`)
)

// violationOf says of one of huma's findings where it is and what is wrong; if it
// must be discreet, with no name or value from the body but those of the document.
func violationOf(err error, discreet bool) Violation {
	detailer, ok := err.(huma.ErrorDetailer)
	if !ok {
		return Violation{Field: wholeBody, Detail: "does not have the shape that is asked for"}
	}
	d := detailer.ErrorDetail()
	v := Violation{Field: pointer(d.Location), Detail: d.Message}
	inBody := d.Location == wholeBody || strings.HasPrefix(d.Location, wholeBody+".")
	switch m := required.FindStringSubmatch(d.Message); {
	case m != nil:
		v.Field = strings.TrimPrefix(v.Field, wholeBody) + "/" + escape(m[1])
		v.Detail = "is required"
	case d.Message == validation.MsgUnexpectedProperty && discreet:
		v.Field, v.Detail = wholeBody, "has a field that is none of this request"
	case d.Message == validation.MsgUnexpectedProperty:
		v.Detail = "is not a field of this request"
	case strings.HasPrefix(d.Message, "json: "): // names Go's types
		v.Detail = "does not have the shape that is asked for"
	case d.Location == wholeBody || discreet && inBody: // never the body itself
	default:
		v.Detail += given(d.Value)
	}
	return v
}

// given quotes a short plain value back to the one who sent it; whole objects
// are not repeated, and nothing of it is logged.
func given(value any) string {
	switch x := value.(type) {
	case string:
		if x != "" && utf8.RuneCountInString(x) <= 60 {
			return fmt.Sprintf(", got %q", x)
		}
	case float64, bool:
		return fmt.Sprintf(", got %v", x)
	}
	return ""
}

// pointer turns huma's "body.items[3].name" into "/items/3/name", and
// "path.region" into "region".
func pointer(location string) string {
	in, rest, _ := strings.Cut(index.ReplaceAllString(location, ".$1"), ".")
	switch {
	case rest == "":
		return in
	case in != "body":
		return rest
	}
	parts := strings.Split(rest, ".")
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	return "/" + strings.Join(parts, "/")
}

func escape(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
}
