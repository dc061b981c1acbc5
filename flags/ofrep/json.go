package ofrep

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quorate/quorate/flags/eval"
)

// Limits on the evaluation context.
const (
	// MaxNesting is how deep it may nest.
	MaxNesting = eval.MaxNesting
	// MaxValues is how many values it may hold in all. A megabyte of empty objects
	// would otherwise take a hundred of memory.
	MaxValues = 10_000
)

// readBody reads {"context": {…}} in one pass. Other members are checked and
// ignored. What is no JSON object is PARSE_ERROR, a context that is none, too
// deep or too large INVALID_CONTEXT. No error repeats anything of the text.
//
// encoding/json takes almost twice as long, with three times the allocations; it
// also accepts invalid UTF-8, and repeated names, of which every reader picks
// another. Strings are parts of text.
func readBody(text string) (eval.Context, *mistake) {
	p := &reader{text: text}
	body, err := p.whole()
	switch {
	case err != nil:
		return nil, err
	case body == nil:
		return nil, &mistake{eval.ParseError, "the body is not a JSON object"}
	case body["context"] == nil:
		return eval.Context{}, nil
	}
	context, ok := body["context"].(map[string]any)
	if !ok {
		return nil, &mistake{eval.InvalidContext, "the context is not a JSON object"}
	}
	return context, nil
}

// mistake is what is wrong with a body.
type mistake struct {
	code eval.ErrorCode
	says string
}

// reader reads strict JSON (RFC 8259).
type reader struct {
	text   string
	pos    int
	values int
}

// whole reads the text, which must be one value; nil if it is no object.
func (p *reader) whole() (map[string]any, *mistake) {
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.text) {
		return nil, p.malformed("text after the end of the JSON value")
	}
	object, _ := v.(map[string]any)
	return object, nil
}

func (p *reader) malformed(says string) *mistake {
	return &mistake{eval.ParseError, "the body is not valid JSON: " + says + " at byte " + strconv.Itoa(p.pos)}
}

func (p *reader) space() {
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\n' || p.text[p.pos] == '\t' || p.text[p.pos] == '\r') {
		p.pos++
	}
}

// peek is the next byte after white space, or 0 at the end: a NUL is no JSON.
func (p *reader) peek() byte {
	if p.space(); p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *reader) value(depth int) (any, *mistake) {
	if p.values++; p.values > MaxValues {
		return nil, &mistake{eval.InvalidContext, "the context has more than " + strconv.Itoa(MaxValues) + " values"}
	}
	if depth > MaxNesting {
		return nil, &mistake{eval.InvalidContext, "the context nests deeper than " + strconv.Itoa(MaxNesting) + " levels"}
	}
	switch c := p.peek(); c {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		return p.string()
	case 't':
		return true, p.word("true")
	case 'f':
		return false, p.word("false")
	case 'n':
		return nil, p.word("null")
	default:
		return p.number()
	}
}

func (p *reader) word(w string) *mistake {
	if !strings.HasPrefix(p.text[p.pos:], w) {
		return p.malformed("a value that is none")
	}
	p.pos += len(w)
	return nil
}

func (p *reader) object(depth int) (any, *mistake) {
	p.pos++ // {
	object := map[string]any{}
	if p.peek() == '}' {
		p.pos++
		return object, nil
	}
	for {
		if p.peek() != '"' {
			return nil, p.malformed("a name is missing")
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if p.peek() != ':' {
			return nil, p.malformed("a colon is missing")
		}
		p.pos++
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		before := len(object)
		if object[name] = v; len(object) == before {
			return nil, p.malformed("a name that the object has already")
		}
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return object, nil
		default:
			return nil, p.malformed("a comma or } is missing")
		}
	}
}

func (p *reader) array(depth int) (any, *mistake) {
	p.pos++ // [
	list := []any{}
	if p.peek() == ']' {
		p.pos++
		return list, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return list, nil
		default:
			return nil, p.malformed("a comma or ] is missing")
		}
	}
}

// number reads a number. One that no float64 can hold is refused.
func (p *reader) number() (any, *mistake) {
	start := p.pos
	p.skip('-')
	switch digits := p.digits(); {
	case digits == 0:
		p.pos = start
		return nil, p.malformed("a value that is none")
	case digits > 1 && p.text[p.pos-digits] == '0':
		return nil, p.malformed("a number that begins with 0")
	}
	if p.skip('.') && p.digits() == 0 {
		return nil, p.malformed("a number without digits behind the point")
	}
	if p.skip('e') || p.skip('E') {
		_ = p.skip('+') || p.skip('-')
		if p.digits() == 0 {
			return nil, p.malformed("a number without digits in its exponent")
		}
	}
	f, err := strconv.ParseFloat(p.text[start:p.pos], 64)
	if err != nil { // out of range; the grammar is checked
		return nil, &mistake{eval.InvalidContext, "a number at byte " + strconv.Itoa(start) + " is out of range"}
	}
	return f, nil
}

func (p *reader) skip(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// digits passes decimal digits and says how many.
func (p *reader) digits() int {
	start := p.pos
	for p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - start
}

// string reads a string; one without escapes is a part of the text.
func (p *reader) string() (string, *mistake) {
	p.pos++ // "
	start, ascii := p.pos, true
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			s := p.text[start:p.pos]
			if !ascii && !utf8.ValidString(s) {
				return "", p.malformed("a string that is not UTF-8")
			}
			p.pos++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.malformed("a control character in a string")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		p.pos++
	}
	return "", p.malformed("a string without an end")
}

// escaped goes on with a string at its first escape.
func (p *reader) escaped(start int) (string, *mistake) {
	b := append(make([]byte, 0, 2*(p.pos-start)+16), p.text[start:p.pos]...)
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			if !utf8.Valid(b) {
				return "", p.malformed("a string that is not UTF-8")
			}
			p.pos++
			return string(b), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		case c < ' ':
			return "", p.malformed("a control character in a string")
		default:
			b = append(b, c)
			p.pos++
		}
	}
	return "", p.malformed("a string without an end")
}

// escape reads one escape. Half of a surrogate pair, which JavaScript may send,
// reads as U+FFFD.
func (p *reader) escape() (rune, *mistake) {
	p.pos++ // \
	if p.pos == len(p.text) {
		return 0, p.malformed("a string without an end")
	}
	c := p.text[p.pos]
	p.pos++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := p.unit()
	if c != 'u' || !ok {
		return 0, p.malformed("an escape that is none")
	}
	if 0xD800 <= r && r < 0xDC00 && strings.HasPrefix(p.text[p.pos:], `\u`) {
		mark := p.pos
		p.pos += 2
		if low, ok := p.unit(); ok && 0xDC00 <= low && low < 0xE000 {
			return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, nil
		}
		p.pos = mark
	}
	return r, nil
}

// unit reads four hexadecimal digits.
func (p *reader) unit() (r rune, ok bool) {
	if p.pos+4 > len(p.text) {
		return 0, false
	}
	for _, c := range []byte(p.text[p.pos : p.pos+4]) {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	p.pos += 4
	return r, true
}
