package eval

import (
	"sort"
	"strconv"
)

// Shared is what the flags of one set have in common: named evaluators that a
// targeting includes with {"$ref": "name"}, and metadata. It is immutable and
// safe for concurrent use; nil stands for neither.
type Shared struct {
	evaluators map[string]*evaluator
	metadata   map[string]any
}

// evaluator is a named piece of targeting. It is kept as parsed JSON because
// flagd defines a reference as textual replacement: its meaning, depth and cost
// depend on where it is used.
type evaluator struct {
	rule node
	size int // bytes of its text
}

var noShared = Shared{metadata: map[string]any{}}

// NewShared reads the members "$evaluators" and "metadata" of a document; either
// may be empty. Errors are *Fault, joined, with pointers such as
// "/$evaluators/name/==/0".
func NewShared(evaluators, metadata []byte) (*Shared, error) {
	ps := &problems{}
	s := &Shared{evaluators: map[string]*evaluator{}, metadata: map[string]any{}}
	if len(evaluators) > 0 {
		p := &parser{text: evaluators, path: []string{"$evaluators"}}
		if err := s.readEvaluators(p, ps); err != nil {
			ps.addError(err)
		} else if err := p.end(); err != nil {
			ps.addError(err)
		}
	}
	if len(metadata) > 0 {
		s.readMetadata(metadata, ps)
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Shared) readEvaluators(p *parser, ps *problems) *Fault {
	if p.peek() == 'n' {
		_, err := p.word()
		return err
	}
	return p.each(func(name string) *Fault {
		p.space()
		start := p.pos
		rule, err := p.value(0)
		if err != nil {
			return err
		}
		at := top.down("$evaluators").down(name)
		switch size := p.pos - start; {
		case size > MaxDefinition:
			ps.add(at, "an evaluator has at most "+strconv.Itoa(MaxDefinition)+" bytes")
		case rule.kind != nodeObject || len(rule.members) == 0:
			ps.add(at, "an evaluator must be an operation, not "+describe(&rule))
		default:
			s.evaluators[name] = &evaluator{rule: rule, size: size}
		}
		return nil
	})
}

func (s *Shared) readMetadata(text []byte, ps *problems) {
	n, err := parseJSON(text)
	if err != nil {
		err.Pointer = "/metadata" + err.Pointer
		ps.addError(err)
		return
	}
	doc := node{kind: nodeObject, members: []member{{"metadata", n}}}
	if m := readMetadata(&doc, top, ps); m != nil {
		s.metadata = m
	}
}

// top is the start of every pointer.
var top *path

// Set is a compiled flag set. It is immutable and safe for concurrent use.
type Set struct {
	flags  map[string]*Flag
	keys   []string
	shared *Shared
}

// NewSet gathers flags that were compiled one by one with the same shared part.
// Of two flags with one key the later wins.
func NewSet(shared *Shared, flags ...*Flag) *Set {
	if shared == nil {
		shared = &noShared
	}
	s := &Set{flags: make(map[string]*Flag, len(flags)), shared: shared}
	for _, f := range flags {
		s.flags[f.key] = f
	}
	s.sortKeys()
	return s
}

func (s *Set) sortKeys() {
	s.keys = make([]string, 0, len(s.flags))
	for k := range s.flags {
		s.keys = append(s.keys, k)
	}
	sort.Strings(s.keys)
}

// Flag returns the flag with that key.
func (s *Set) Flag(key string) (*Flag, bool) {
	f, ok := s.flags[key]
	return f, ok
}

// Keys are the keys of all flags, sorted. Shared: read only.
func (s *Set) Keys() []string { return s.keys }

// Metadata is that of the set. Values are string, bool or json.Number. Shared:
// read only. Never nil.
func (s *Set) Metadata() map[string]any { return s.shared.metadata }

// Shared is what the flags have in common, for CompileFlag.
func (s *Set) Shared() *Shared { return s.shared }

// Faults joins the faults of all flags in the order of their keys; see Compile.
func (s *Set) Faults() error {
	ps := &problems{}
	for _, k := range s.keys {
		for _, err := range s.flags[k].faults {
			if f, ok := err.(*Fault); ok {
				ps.addError(f)
			}
		}
	}
	return ps.err()
}

// Compile reads a whole flagd document, {"flags": …, "$evaluators": …,
// "metadata": …}; other members are ignored. Each error names its place in the
// document with a JSON pointer; several are joined (errors.Join), and then there
// is no Set: half a set must not be served, since what is missing from it would
// fall to the callers' defaults.
//
// One class of mistake does not spoil the document, because flagd's protocol
// says what such a flag answers while the others go on: an unknown operator or
// reference, or a wrong number of arguments, in one targeting. A Set is what a
// server or client received, and must be served; Set.Faults tells what its
// author should correct. CompileFlag, which reads what is being written, refuses
// it at once.
func Compile(doc []byte) (*Set, error) {
	if len(doc) > MaxDocument {
		return nil, &Fault{Problem: "a document has at most " + strconv.Itoa(MaxDocument) + " bytes"}
	}
	d, err := readDocument(doc)
	if err != nil {
		return nil, err
	}
	ps := &problems{}
	s := &Set{flags: map[string]*Flag{}, shared: d.shared}
	if err := d.eachFlag(func(key string, def *node, size int) {
		at := top.down("flags").down(key)
		if size > MaxDefinition {
			ps.add(at, "a flag has at most "+strconv.Itoa(MaxDefinition)+" bytes")
			return
		}
		s.flags[key] = compileFlag(key, def, size, at, d.shared, ps)
	}); err != nil {
		return nil, err
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	s.sortKeys()
	return s, nil
}

// document is the outline of a document: its flags as text, since they may
// stand before the evaluators that they use and are best parsed one at a time.
type document struct {
	flags  *parser
	shared *Shared
}

func readDocument(doc []byte) (*document, error) {
	var (
		p                    = &parser{text: doc}
		hasFlags             bool
		flags                int
		evaluators, metadata []byte
	)
	err := p.each(func(name string) *Fault {
		p.space()
		start := p.pos
		if err := p.skip(); err != nil {
			return err
		}
		switch text := doc[start:p.pos]; name {
		case "flags":
			hasFlags, flags = true, start
		case "$evaluators":
			evaluators = text
		case "metadata":
			metadata = text
		}
		return nil
	})
	if err == nil {
		err = p.end()
	}
	if err == nil && !hasFlags {
		err = &Fault{Problem: `a document needs "flags"`}
	}
	if err != nil {
		return nil, err
	}
	shared, serr := NewShared(evaluators, metadata)
	if serr != nil {
		return nil, serr
	}
	return &document{&parser{text: doc, pos: flags, path: []string{"flags"}}, shared}, nil
}

// skip checks the grammar of one value without building it.
func (p *parser) skip() *Fault {
	p.scan = true
	_, err := p.value(1)
	p.scan = false
	return err
}

func (d *document) eachFlag(do func(key string, def *node, size int)) error {
	p := d.flags
	err := p.each(func(key string) *Fault {
		p.space()
		start := p.pos
		def, err := p.value(0)
		if err == nil {
			do(key, &def, p.pos-start)
		}
		return err
	})
	if err != nil {
		return err
	}
	return nil
}

// CompileFlag reads one flag definition, the value under its key in a document.
// Errors are *Fault, joined, with pointers that start at the definition
// ("/targeting/if/0") or, within a shared evaluator, at the document. It is
// stricter than Compile: every fault is an error. Cost grows with the definition
// alone, so a set can be kept current one flag at a time (NewSet).
func CompileFlag(key string, definition []byte, shared *Shared) (*Flag, error) {
	if len(definition) > MaxDefinition {
		return nil, &Fault{Problem: "a flag has at most " + strconv.Itoa(MaxDefinition) + " bytes"}
	}
	def, err := parseJSON(definition)
	if err != nil {
		return nil, err
	}
	ps := &problems{}
	f := compileFlag(key, &def, len(definition), top, shared, ps)
	if len(ps.list) == 0 {
		ps.list = f.faults
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return f, nil
}
