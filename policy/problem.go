package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/open-policy-agent/opa/v1/ast"
)

// A Problem is one thing that is wrong with a bundle: where, and why.
type Problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
}

// String is the problem on one line.
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Reason
	case p.Line == 0:
		return p.File + ": " + p.Reason
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Reason)
}

// maxProblems bounds what one bundle is told.
const maxProblems = 50

// Problems turns what reading a bundle returned into places. files, if known, lets
// a rule of the registry be found by its name.
func Problems(err error, files fs.FS) []Problem {
	var list []Problem
	for _, one := range flat(err) {
		list = append(list, locate(one, files)...)
		if len(list) > maxProblems {
			return append(list[:maxProblems], Problem{Reason: "and more"})
		}
	}
	return list
}

// flat takes joined errors apart.
func flat(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []error
		for _, one := range joined.Unwrap() {
			list = append(list, flat(one)...)
		}
		return list
	}
	return []error{err}
}

var placed = regexp.MustCompile(`(?s)^([^\s:]+\.(?:rego|yaml|json)|\.manifest):(?:(\d+):)? ?(.*)$`)

func locate(err error, files fs.FS) []Problem {
	var compiled ast.Errors
	if errors.As(err, &compiled) {
		var list []Problem
		for _, e := range compiled {
			list = append(list, ofOPA(e, files))
		}
		return list
	}
	var one *ast.Error
	if errors.As(err, &one) {
		return []Problem{ofOPA(one, files)}
	}
	p := Problem{Reason: oneLine(err.Error())}
	for rest := err.Error(); ; {
		m := placed.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		p.File, p.Reason, rest = own(m[1], files), oneLine(m[3]), m[3]
		p.Line, _ = strconv.Atoi(m[2]) // "" is 0: no line
	}
	var read yaml.Error
	if errors.As(err, &read) && read.GetToken() != nil {
		p.Line, p.Reason = read.GetToken().Position.Line, oneLine(read.GetMessage())
	} else if p.Line == 0 && files != nil {
		p.Line = find(files, p)
	}
	return []Problem{p}
}

func ofOPA(e *ast.Error, files fs.FS) Problem {
	p := Problem{Reason: oneLine(e.Code + ": " + e.Message)}
	if e.Location != nil {
		p.File, p.Line = own(e.Location.File, files), e.Location.Row
	}
	return p
}

// own is a file's name in its own bundle: in the whole, a layer's files stand below
// the layer's name.
func own(name string, files fs.FS) string {
	_, inner, ok := strings.Cut(name, "/")
	if files == nil || !ok {
		return name
	}
	if _, err := fs.Stat(files, name); err == nil {
		return name
	}
	if _, err := fs.Stat(files, inner); err == nil {
		return inner
	}
	return name
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = s[:400] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// find looks for the line of a registry's rule, and within it of the field, that a
// problem's reason begins with: "CA-X: effective …".
func find(files fs.FS, p Problem) int {
	id, rest, ok := strings.Cut(p.Reason, ": ")
	raw, err := fs.ReadFile(files, p.File)
	if !ok || err != nil {
		return 0
	}
	field, _, _ := strings.Cut(rest, " ")
	at, within := 0, false
	for i, line := range strings.Split(string(raw), "\n") {
		key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch outer := line != "" && line[0] != ' ' && line[0] != '#'; {
		case outer && strings.Trim(key, `"'`) == id:
			at, within = i+1, true
		case outer && within:
			return at
		case within && key == field:
			return i + 1
		}
	}
	return at
}
