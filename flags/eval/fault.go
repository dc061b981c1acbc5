package eval

import (
	"errors"
	"strings"
)

// Fault is one thing wrong with a document or a definition: where, as a JSON
// pointer (RFC 6901), and what. Its text quotes the definition, never an
// evaluation context, so it is safe to log and to show.
type Fault struct {
	// Pointer locates the value, e.g. "/flags/video_visit/targeting/if/0". It
	// starts at the document for Compile, and at the definition for CompileFlag.
	Pointer string
	// Problem says what is wrong and, where that is not obvious, what is right.
	Problem string
}

func (e *Fault) Error() string {
	if e.Pointer == "" {
		return e.Problem
	}
	return e.Pointer + ": " + e.Problem
}

// maxErrors bounds a report: a generated document that is wrong everywhere is
// wrong in one way.
const maxErrors = 50

// problems collects errors in the order of the text.
type problems struct{ list []error }

func (ps *problems) add(at *path, problem string) {
	ps.addError(&Fault{Pointer: at.String(), Problem: problem})
}

func (ps *problems) addError(err *Fault) {
	switch {
	case len(ps.list) < maxErrors:
		ps.list = append(ps.list, err)
	case len(ps.list) == maxErrors:
		ps.list = append(ps.list, errors.New("further problems are left out"))
	}
}

func (ps *problems) err() error { return errors.Join(ps.list...) }

// path is a JSON pointer under construction: a chain of tokens through the
// callers, written out only when there is something to report.
type path struct {
	up    *path
	token string
}

func (p *path) down(token string) *path { return &path{up: p, token: token} }

func (p *path) String() string {
	var tokens []string
	for ; p != nil; p = p.up {
		tokens = append(tokens, p.token)
	}
	for i, j := 0, len(tokens)-1; i < j; i, j = i+1, j-1 {
		tokens[i], tokens[j] = tokens[j], tokens[i]
	}
	return pointer(tokens)
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(pointerEscape.Replace(t))
	}
	return b.String()
}

// excerpt shortens quoted text so that an error stays one readable line.
func excerpt(s string) string {
	const longest = 60
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
