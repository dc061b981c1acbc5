package eval

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// nodeKind names the six kinds of JSON value.
type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeArray
	nodeObject
)

func (k nodeKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// node is one parsed JSON value. Members keep the order of the text, and
// numbers keep their literal, because 0 and 0.0 are different answers to a
// caller that types its flags.
type node struct {
	kind    nodeKind
	bool    bool
	str     string // decoded string, or the literal of a number
	items   []node
	members []member
}

type member struct {
	key string
	val node
}

// get returns the member of that name. Objects of a definition are small, so a
// scan beats an index.
func (n *node) get(key string) (*node, bool) {
	for i := range n.members {
		if n.members[i].key == key {
			return &n.members[i].val, true
		}
	}
	return nil, false
}

// parser reads strict JSON (RFC 8259): no duplicate names, no invalid UTF-8, no
// unpaired surrogates, no trailing text. Official engines differ on each of
// these, so a definition that has one would mean different things in different
// places.
type parser struct {
	text []byte
	pos  int
	path []string // pointer tokens of the value being read
	// scan makes the parser check the grammar only, without building nodes.
	scan bool
}

// parseJSON reads exactly one JSON value.
func parseJSON(text []byte) (node, *Fault) {
	p := &parser{text: text}
	n, err := p.value(0)
	if err == nil {
		err = p.end()
	}
	return n, err
}

// end reports text after the value.
func (p *parser) end() *Fault {
	p.space()
	if p.pos < len(p.text) {
		return p.failed("text after the end of the JSON value")
	}
	return nil
}

func (p *parser) failed(problem string) *Fault {
	return &Fault{
		Pointer: pointer(p.path),
		Problem: problem + " (byte " + strconv.Itoa(p.pos) + ")",
	}
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the next byte after white space, or 0 at the end: a NUL is no
// JSON token, so the two need no telling apart.
func (p *parser) peek() byte {
	p.space()
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *parser) value(depth int) (node, *Fault) {
	if depth > MaxNesting {
		return node{}, p.failed("JSON is nested deeper than " + strconv.Itoa(MaxNesting) + " levels")
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		s, err := p.string()
		return node{kind: nodeString, str: s}, err
	case c == '-' || (c >= '0' && c <= '9'):
		return p.number()
	case c == 0 && p.pos == len(p.text):
		return node{}, p.failed("the JSON text ends too early")
	default:
		return p.word()
	}
}

func (p *parser) word() (node, *Fault) {
	for _, w := range [...]struct {
		text string
		node node
	}{
		{"true", node{kind: nodeBool, bool: true}},
		{"false", node{kind: nodeBool}},
		{"null", node{}},
	} {
		rest := p.text[p.pos:]
		if len(rest) >= len(w.text) && string(rest[:len(w.text)]) == w.text {
			p.pos += len(w.text)
			return w.node, nil
		}
	}
	return node{}, p.failed("a JSON value is expected here")
}

func (p *parser) array(depth int) (node, *Fault) {
	p.pos++
	n := node{kind: nodeArray}
	if p.peek() == ']' {
		p.pos++
		return n, nil
	}
	for i := 0; ; i++ {
		p.path = append(p.path, strconv.Itoa(i))
		item, err := p.value(depth + 1)
		if err != nil {
			return node{}, err
		}
		p.path = p.path[:len(p.path)-1]
		if !p.scan {
			if n.items == nil {
				n.items = make([]node, 0, 4)
			}
			n.items = append(n.items, item)
		}
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return n, nil
		default:
			return node{}, p.failed("a comma or ] is expected in the array")
		}
	}
}

func (p *parser) object(depth int) (node, *Fault) {
	n := node{kind: nodeObject}
	err := p.each(func(key string) *Fault {
		val, err := p.value(depth + 1)
		if err == nil && !p.scan {
			n.members = append(n.members, member{key, val})
		}
		return err
	})
	if err != nil {
		return node{}, err
	}
	return n, nil
}

// each reads an object and calls read with every name, placed before its value;
// read MUST consume that value. Names that repeat are refused.
func (p *parser) each(read func(key string) *Fault) *Fault {
	if p.peek() != '{' {
		return p.failed("an object is expected here")
	}
	p.pos++
	if p.peek() == '}' {
		p.pos++
		return nil
	}
	var seen names
	for {
		if p.peek() != '"' {
			return p.failed("a name in double quotes is expected in the object")
		}
		key, err := p.string()
		if err != nil {
			return err
		}
		p.path = append(p.path, key)
		if !p.scan && !seen.add(key) {
			return p.failed("the name appears twice in its object")
		}
		if p.peek() != ':' {
			return p.failed("a colon is expected after the name")
		}
		p.pos++
		if err := read(key); err != nil {
			return err
		}
		p.path = p.path[:len(p.path)-1]
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return nil
		default:
			return p.failed("a comma or } is expected in the object")
		}
	}
}

// names is a set of the names of one object: a scan while it is small, an index
// once it is not, so that a document of ten thousand flags stays linear.
type names struct {
	few  [8]string
	n    int
	many map[string]struct{}
}

func (s *names) add(name string) bool {
	if s.many == nil && s.n < len(s.few) {
		for _, n := range s.few[:s.n] {
			if n == name {
				return false
			}
		}
		s.few[s.n] = name
		s.n++
		return true
	}
	if s.many == nil {
		s.many = make(map[string]struct{}, 32)
		for _, n := range s.few {
			s.many[n] = struct{}{}
		}
	}
	if _, ok := s.many[name]; ok {
		return false
	}
	s.many[name] = struct{}{}
	return true
}

func (p *parser) number() (node, *Fault) {
	start := p.pos
	end, ok := numberEnd(p.text, p.pos)
	if !ok {
		return node{}, p.failed("the number is malformed")
	}
	if p.pos = end; p.scan {
		return node{kind: nodeNumber}, nil
	}
	lit := string(p.text[start:end])
	if _, err := strconv.ParseFloat(lit, 64); err != nil {
		return node{}, p.failed("the number is out of range: " + excerpt(lit))
	}
	return node{kind: nodeNumber, str: lit}, nil
}

// numberEnd finds the end of the JSON number that starts at i.
func numberEnd[T []byte | string](s T, i int) (end int, ok bool) {
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := digitsEnd(s, i)
	if whole == i || (s[i] == '0' && whole > i+1) {
		return i, false
	}
	if i = whole; i < len(s) && s[i] == '.' {
		frac := digitsEnd(s, i+1)
		if frac == i+1 {
			return i, false
		}
		i = frac
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exp := digitsEnd(s, i)
		if exp == i {
			return i, false
		}
		i = exp
	}
	return i, true
}

func digitsEnd[T []byte | string](s T, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// string reads a string; the common case has no escape and is one copy.
func (p *parser) string() (string, *Fault) {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			raw := p.text[start:p.pos]
			if !utf8.Valid(raw) {
				return "", p.failed("the string is not valid UTF-8")
			}
			p.pos++
			return string(raw), nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.failed("the string has a control character that is not escaped")
		default:
			p.pos++
		}
	}
	return "", p.failed("the string does not end")
}

// escaped goes on with a string from its first backslash.
func (p *parser) escaped(start int) (string, *Fault) {
	var b strings.Builder
	b.Write(p.text[start:p.pos])
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			if s := b.String(); utf8.ValidString(s) {
				return s, nil
			}
			return "", p.failed("the string is not valid UTF-8")
		case c == '\\':
			r, ok := p.escape()
			if !ok {
				return "", p.failed("the escape in the string is malformed or is half a surrogate pair")
			}
			b.WriteRune(r)
		case c < ' ':
			return "", p.failed("the string has a control character that is not escaped")
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return "", p.failed("the string does not end")
}

// escape reads one escape sequence, a surrogate pair counting as one.
func (p *parser) escape() (rune, bool) {
	if p.pos+1 >= len(p.text) {
		return 0, false
	}
	c := p.text[p.pos+1]
	if c != 'u' {
		p.pos += 2
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return 0, false
		}
		return rune("\"\\/\b\f\n\r\t"[i]), true
	}
	r, ok := p.hex()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	low, ok := p.hex()
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, false
	}
	return r, true
}

// hex reads one \uXXXX.
func (p *parser) hex() (rune, bool) {
	end := p.pos + 6
	if end > len(p.text) || p.text[p.pos] != '\\' || p.text[p.pos+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(p.text[p.pos+2:end]), 16, 16)
	p.pos = end
	return rune(v), err == nil
}
