package eval

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// canonicalText is a definition in canonical form, and where in it the metadata
// stands, or would.
type canonicalText struct {
	text                 string
	metaBegins, metaEnds int
}

// canonical writes a definition that has no problems. Equal definitions give
// equal bytes, so a digest of them can serve as a revision.
func canonical(f *Flag, def *node, shared *Shared) canonicalText {
	w := &writer{shared: shared, buf: make([]byte, 0, 512)}
	w.byte('{')
	if name, ok := f.DefaultVariant(); ok {
		w.text(`"defaultVariant":`)
		w.quote(name)
		w.byte(',')
	}
	begins := len(w.buf)
	if m, ok := def.get("metadata"); ok && len(m.members) > 0 {
		w.text(`"metadata":`)
		w.value(withoutNulls(m))
		w.byte(',')
	}
	ends := len(w.buf)
	w.text(`"state":"ENABLED",`)
	if f.disabled {
		w.buf = append(w.buf[:len(w.buf)-len(`ENABLED",`)], `DISABLED",`...)
	}
	if t, ok := def.get("targeting"); ok && t.kind != nodeNull {
		w.text(`"targeting":`)
		w.refs = true
		w.value(t)
		w.refs = false
		w.byte(',')
	}
	w.text(`"variants":`)
	v, _ := def.get("variants")
	w.value(v)
	w.byte('}')
	return canonicalText{string(w.buf), begins, ends}
}

// with is the definition with other metadata.
func (c canonicalText) with(metadata map[string]any) []byte {
	w := &writer{buf: make([]byte, 0, len(c.text)+256)}
	w.text(c.text[:c.metaBegins])
	if len(metadata) > 0 {
		w.text(`"metadata":{`)
		for i, key := range slices.Sorted(maps.Keys(metadata)) {
			if i > 0 {
				w.byte(',')
			}
			w.quote(key)
			w.byte(':')
			w.plain(metadata[key])
		}
		w.text(`},`)
	}
	w.text(c.text[c.metaEnds:])
	return w.buf
}

// plain writes a value of metadata.
func (w *writer) plain(v any) {
	switch v := v.(type) {
	case string:
		w.quote(v)
	case bool:
		w.text(strconv.FormatBool(v))
	case json.Number:
		w.text(v.String())
	default:
		w.text("null")
	}
}

func withoutNulls(n *node) *node {
	out := &node{kind: nodeObject}
	for _, m := range n.members {
		if m.val.kind != nodeNull {
			out.members = append(out.members, m)
		}
	}
	return out
}

// writer writes nodes as JSON: sorted members, literal numbers, no white space,
// no escapes but the necessary.
type writer struct {
	buf    []byte
	shared *Shared
	refs   bool // replace references to evaluators
}

func (w *writer) byte(c byte)   { w.buf = append(w.buf, c) }
func (w *writer) text(s string) { w.buf = append(w.buf, s...) }

func (w *writer) value(n *node) {
	switch n.kind {
	case nodeNull:
		w.text("null")
	case nodeBool:
		if n.bool {
			w.text("true")
		} else {
			w.text("false")
		}
	case nodeNumber:
		w.text(n.str)
	case nodeString:
		w.quote(n.str)
	case nodeArray:
		w.array(n)
	case nodeObject:
		w.object(n)
	}
}

func (w *writer) array(n *node) {
	w.byte('[')
	for i := range n.items {
		if i > 0 {
			w.byte(',')
		}
		w.value(&n.items[i])
	}
	w.byte(']')
}

func (w *writer) object(n *node) {
	if w.refs {
		if ev := w.shared.lookup(n); ev != nil {
			w.refs = false // they do not nest
			w.value(&ev.rule)
			w.refs = true
			return
		}
	}
	members := n.members
	if len(members) > 1 {
		members = slices.Clone(members)
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	}
	w.byte('{')
	for i := range members {
		if i > 0 {
			w.byte(',')
		}
		w.quote(members[i].key)
		w.byte(':')
		w.value(&members[i].val)
	}
	w.byte('}')
}

// lookup returns the evaluator that n is a reference to, or nil.
func (s *Shared) lookup(n *node) *evaluator {
	if len(n.members) != 1 || n.members[0].key != "$ref" || n.members[0].val.kind != nodeString {
		return nil
	}
	return s.evaluators[n.members[0].val.str]
}

func (w *writer) quote(s string) {
	const hex = "0123456789abcdef"
	w.byte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.buf = append(w.buf, '\\', c)
		case c >= ' ':
			w.byte(c)
		case c == '\n':
			w.text(`\n`)
		case c == '\t':
			w.text(`\t`)
		default:
			w.buf = append(w.buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	w.byte('"')
}
