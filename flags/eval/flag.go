package eval

import (
	"encoding/json"
	"sort"
	"strconv"
	"time"
)

// Variant is one of the values that a flag can take.
type Variant struct {
	Name string
	// Value is a bool, a string, a json.Number or a map[string]any. Shared: read
	// only.
	Value any
}

// Flag is one compiled flag definition. It is immutable and safe for concurrent
// use.
type Flag struct {
	key        string
	typ        Type
	disabled   bool
	variants   []Variant // sorted by name
	byDefault  int       // index of the default variant; -1 for none
	targeting  expr      // nil for none
	fault      *Fault    // why targeting cannot be evaluated at all; nil if it can
	faults     []error   // everything an author should correct
	metadata   map[string]any
	definition canonicalText
	relabelled bool // metadata is not that of definition
}

// Key is the flag's key in its set.
func (f *Flag) Key() string { return f.key }

// Type is the type of all its variants.
func (f *Flag) Type() Type { return f.typ }

// Metadata is that of the set, overridden key by key by the flag's own. Values
// are string, bool or json.Number. Shared: read only. Never nil.
func (f *Flag) Metadata() map[string]any { return f.metadata }

// Variants are the values of the flag, sorted by name. Shared: read only.
func (f *Flag) Variants() []Variant { return f.variants }

// DefaultVariant names the variant served when targeting names none; false
// means that the caller's own default is.
func (f *Flag) DefaultVariant() (string, bool) {
	if f.byDefault < 0 {
		return "", false
	}
	return f.variants[f.byDefault].Name, true
}

// Disabled reports the state DISABLED, in which the flag has no value.
func (f *Flag) Disabled() bool { return f.disabled }

// Targeted reports whether the value may depend on context or time. A flag that
// is not targeted is STATIC, and clients may cache it for ever.
func (f *Flag) Targeted() bool { return f.targeting != nil || f.fault != nil }

// Definition is the definition as canonical JSON, ready for a flagd sync
// payload: members sorted, no white space, number literals as written,
// references to shared evaluators replaced by what they stand for, and only
// members that flagd's schema knows. The caller owns the slice.
func (f *Flag) Definition() []byte {
	if f.relabelled {
		return f.definition.with(f.metadata)
	}
	return []byte(f.definition.text)
}

// WithMetadata is the same flag with other metadata, that of the set included:
// strings, booleans and json.Numbers, which the flag keeps and nobody changes
// afterwards. It costs one small allocation, so flags that differ in nothing else
// need to be compiled only once.
func (f *Flag) WithMetadata(metadata map[string]any) *Flag {
	g := *f
	g.metadata, g.relabelled = metadata, true
	return &g
}

// Faults is what an author should correct although flagd would load the flag:
// what makes every evaluation fail (an unknown operator) or an operator always
// give null (a wrong number of arguments). Errors are *Fault, joined; nil for
// none. See Compile.
func (f *Flag) Faults() error { return (&problems{list: f.faults}).err() }

// variant finds a variant by name, or -1.
func (f *Flag) variant(name string) int {
	if len(f.variants) <= 8 {
		for i := range f.variants {
			if f.variants[i].Name == name {
				return i
			}
		}
		return -1
	}
	i := sort.Search(len(f.variants), func(i int) bool { return f.variants[i].Name >= name })
	if i < len(f.variants) && f.variants[i].Name == name {
		return i
	}
	return -1
}

// resolve decides which variant is served and why; -1 is none.
func (f *Flag) resolve(ctx Context, at time.Time) (int, Reason, failure) {
	switch {
	case f.disabled:
		return -1, Disabled, failNone
	case f.fault != nil:
		return f.failing(failOperand)
	case f.targeting == nil && f.byDefault < 0:
		return -1, Default, failNone
	case f.targeting == nil:
		return f.byDefault, Static, failNone
	}
	switch i, none, failed := f.target(ctx, at); {
	case failed != failNone:
		return f.failing(failed)
	case none:
		return f.byDefault, Default, failNone
	default:
		return i, TargetingMatch, failNone
	}
}

// governedKey is the member of the metadata of a flag that stands for a
// capability: its key.
const governedKey = "capability"

// failing is what comes of an evaluation that failed: an error, upon which the
// caller serves its own default. For a flag that stands for a capability that
// would be no answer, since the default may be true: its own default variant is
// served, whatever is wrong with the facts.
func (f *Flag) failing(why failure) (int, Reason, failure) {
	if _, governed := f.metadata[governedKey].(string); governed && f.byDefault >= 0 {
		return f.byDefault, Default, failNone
	}
	return -1, Error, why
}

// Evaluate gives the flag's value for one context at one time. A nil context is
// an empty one. The time is what $flagd.timestamp reads, in whole seconds; the
// clock is never read. It never panics, takes bounded time (MaxWork) and, unless
// the targeting builds text or lists, does not allocate.
func (f *Flag) Evaluate(ctx Context, at time.Time) Result {
	i, reason, failed := f.resolve(ctx, at)
	r := Result{Reason: reason, Metadata: f.metadata}
	switch {
	case i >= 0:
		v := &f.variants[i]
		r.Value, r.HasValue, r.Variant, r.HasVariant = v.Value, true, v.Name, true
	case reason == Error:
		r.ErrorCode, r.ErrorDetails = failed.code(), f.details(failed)
	}
	return r
}

func (f *Flag) details(failed failure) string {
	if f.fault != nil {
		return f.fault.Error()
	}
	return failed.details()
}

// EvaluateBool is Evaluate for a caller that wants a boolean: no allocation, no
// metadata. A flag of another type that would have a value is an error with code
// TypeMismatch. Without hasValue the caller uses its own default, which for
// anything that must be granted has to be false.
func (f *Flag) EvaluateBool(ctx Context, at time.Time) (value, hasValue bool, variant string, reason Reason, code ErrorCode) {
	i, reason, failed := f.resolve(ctx, at)
	if i < 0 {
		return false, false, "", reason, failed.code()
	}
	v := &f.variants[i]
	b, ok := v.Value.(bool)
	if !ok {
		return false, false, "", Error, TypeMismatch
	}
	return b, true, v.Name, reason, ""
}

// flagCompiler reads one definition; problems go to ps, and the flag is of use
// only if there were none.
type flagCompiler struct {
	flag   *Flag
	shared *Shared
	ps     *problems
}

func compileFlag(key string, def *node, size int, at *path, shared *Shared, ps *problems) *Flag {
	if shared == nil {
		shared = &noShared
	}
	c := &flagCompiler{flag: &Flag{key: key, byDefault: -1}, shared: shared, ps: ps}
	if key == "" {
		ps.add(at, "the key of a flag must not be empty")
	}
	if def.kind != nodeObject {
		ps.add(at, "a flag must be an object, not "+def.kind.String())
		return c.flag
	}
	c.state(def, at)
	c.variants(def, at)
	c.defaultVariant(def, at)
	c.metadata(def, at)
	c.targeting(def, size, at)
	if len(ps.list) == 0 {
		c.flag.definition = canonical(c.flag, def, c.shared)
	}
	return c.flag
}

func (c *flagCompiler) state(def *node, at *path) {
	n, ok := def.get("state")
	switch {
	case !ok:
		c.ps.add(at, `a flag needs "state": "ENABLED" or "DISABLED"`)
	case n.kind != nodeString || (n.str != "ENABLED" && n.str != "DISABLED"):
		c.ps.add(at.down("state"), `the state must be "ENABLED" or "DISABLED", not `+describe(n))
	}
	c.flag.disabled = ok && n.str == "DISABLED"
}

func (c *flagCompiler) variants(def *node, at *path) {
	n, ok := def.get("variants")
	if !ok {
		c.ps.add(at, `a flag needs "variants"`)
		return
	}
	at = at.down("variants")
	switch {
	case n.kind != nodeObject:
		c.ps.add(at, "the variants must be an object of name and value, not "+n.kind.String())
		return
	case len(n.members) == 0:
		c.ps.add(at, "a flag needs at least one variant")
	case len(n.members) > MaxVariants:
		c.ps.add(at, "a flag has at most "+strconv.Itoa(MaxVariants)+" variants")
	}
	f := c.flag
	f.variants = make([]Variant, 0, len(n.members))
	for i := range n.members {
		c.oneVariant(&n.members[i], at)
	}
	sort.Slice(f.variants, func(i, j int) bool { return f.variants[i].Name < f.variants[j].Name })
}

func (c *flagCompiler) oneVariant(m *member, at *path) {
	at = at.down(m.key)
	typ, ok := variantType(m.val.kind)
	switch {
	case m.key == "":
		c.ps.add(at, "the name of a variant must not be empty")
	case !ok:
		c.ps.add(at, "a variant must be a boolean, a string, a number or an object, not "+m.val.kind.String())
	case c.flag.typ == "":
		c.flag.typ = typ
	case c.flag.typ != typ:
		c.ps.add(at, "all variants must be of one type; the first is of type "+string(c.flag.typ)+", this is "+string(typ))
	}
	c.flag.variants = append(c.flag.variants, Variant{m.key, plain(&m.val)})
}

func variantType(k nodeKind) (Type, bool) {
	switch k {
	case nodeBool:
		return Boolean, true
	case nodeString:
		return String, true
	case nodeNumber:
		return Number, true
	case nodeObject:
		return Object, true
	}
	return "", false
}

// defaultVariant reads null, absence and flagd's "" in sync payloads as none.
func (c *flagCompiler) defaultVariant(def *node, at *path) {
	n, ok := def.get("defaultVariant")
	if !ok || n.kind == nodeNull || (n.kind == nodeString && n.str == "") {
		return
	}
	at = at.down("defaultVariant")
	if n.kind != nodeString {
		c.ps.add(at, "the default variant must be the name of a variant or null, not "+n.kind.String())
		return
	}
	if c.flag.byDefault = c.flag.variant(n.str); c.flag.byDefault < 0 {
		c.ps.add(at, "the default variant "+describe(n)+" is not among the variants")
	}
}

func (c *flagCompiler) metadata(def *node, at *path) {
	own := readMetadata(def, at, c.ps)
	if len(own) == 0 {
		c.flag.metadata = c.shared.metadata
		return
	}
	merged := make(map[string]any, len(own)+len(c.shared.metadata))
	for k, v := range c.shared.metadata {
		merged[k] = v
	}
	for k, v := range own {
		merged[k] = v
	}
	c.flag.metadata = merged
}

// readMetadata reads the member "metadata" of a flag or a document: a flat
// object of strings, numbers and booleans. A null value is left out, as flagd
// does.
func readMetadata(of *node, at *path, ps *problems) map[string]any {
	n, ok := of.get("metadata")
	if !ok || n.kind == nodeNull {
		return nil
	}
	at = at.down("metadata")
	if n.kind != nodeObject {
		ps.add(at, "metadata must be an object, not "+n.kind.String())
		return nil
	}
	out := make(map[string]any, len(n.members))
	for i := range n.members {
		m := &n.members[i]
		switch m.val.kind {
		case nodeString, nodeNumber, nodeBool:
			out[m.key] = plain(&m.val)
		case nodeArray, nodeObject:
			ps.add(at.down(m.key), "metadata is flat: a string, a number or a boolean, not "+m.val.kind.String())
		}
	}
	return out
}

// plain is a node as the Go value that is served.
func plain(n *node) any {
	switch n.kind {
	case nodeBool:
		return n.bool
	case nodeNumber:
		return json.Number(n.str)
	case nodeString:
		return n.str
	case nodeArray:
		out := make([]any, len(n.items))
		for i := range n.items {
			out[i] = plain(&n.items[i])
		}
		return out
	case nodeObject:
		out := make(map[string]any, len(n.members))
		for i := range n.members {
			out[n.members[i].key] = plain(&n.members[i].val)
		}
		return out
	}
	return nil
}

// describe quotes a scalar for an error and names anything else.
func describe(n *node) string {
	switch n.kind {
	case nodeString:
		return strconv.Quote(excerpt(n.str))
	case nodeNumber:
		return excerpt(n.str)
	case nodeBool:
		return strconv.FormatBool(n.bool)
	}
	return n.kind.String()
}
