package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// A residual is what a rule leaves over when everything but the patient's facts and
// the action is known.
type residual struct {
	deny     *logic
	why      string            // of the denials
	review   *logic            // where counsel must say
	question string            // what
	requires map[string]*logic // evidence → where it is needed
	owes     []owing           // what may be required besides
	relaxed  map[string]*logic // relaxation → where its conditions hold
	reads    map[string]string // facts, and of what type each must be
}

// owing is an obligation that a rule may impose.
type owing struct {
	kind   string
	params string // compact JSON; "" where it depends on facts
}

// unknowns are what is known only when somebody asks.
var unknowns = []*ast.Term{ast.MustParseTerm("input.facts"), ast.MustParseTerm("input.request.action"), ast.MustParseTerm("input.as_of"), ast.MustParseTerm("input.today")}

// unknownToOthers is what another than the flag learns besides.
var unknownToOthers = append(unknowns[:len(unknowns):len(unknowns)], ast.MustParseTerm("input.request.message_class"))

// partials is what an engine keeps: queries that were prepared, and answers.
type partials struct {
	memory
	preparing sync.Mutex
	prepared  map[string]rego.PreparedPartialQuery
}

// memory is what was worked out once. It is safe for concurrent use.
type memory struct {
	mu      sync.Mutex
	answers map[string]any
}

// remembered bounds how many answers are kept.
const remembered = 50_000

func (p *memory) recall(key string) (any, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.answers[key]
	return v, ok
}

func (p *memory) keep(key string, v any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answers == nil || len(p.answers) >= remembered {
		p.answers = map[string]any{}
	}
	p.answers[key] = v
}

// left evaluates one set of a rule as far as it goes: finding, or relaxation.
func (e *Engine) left(ctx context.Context, id, set string, document ast.Value, unknown []*ast.Term) (*rego.PartialQueries, error) {
	query := fmt.Sprintf("data.quorate.rules[%q].%s[found]", id, set)
	e.partials.preparing.Lock()
	defer e.partials.preparing.Unlock()
	prepared, ok := e.partials.prepared[query]
	if !ok {
		var err error
		prepared, err = rego.New(rego.Query(query), rego.Compiler(e.compiler), rego.StrictBuiltinErrors(true), rego.SetRegoVersion(ast.RegoV1)).PrepareForPartial(ctx)
		if err != nil {
			return nil, err
		}
		if e.partials.prepared == nil {
			e.partials.prepared = map[string]rego.PreparedPartialQuery{}
		}
		e.partials.prepared[query] = prepared
	}
	ctx, cancel := context.WithTimeout(ctx, evalBudget)
	defer cancel()
	return prepared.Partial(ctx, rego.EvalParsedInput(document), rego.EvalParsedUnknowns(unknown))
}

// key names everything that the rules are shown, but for time and facts.
func (e *Engine) key(c *situation, asked map[string]any) string {
	region := ""
	if e.readsRegion {
		region = c.in.Region
	}
	var b strings.Builder
	for _, part := range []string{c.jurisdiction, region, c.in.Actor, c.in.Capability, string(c.in.Phase), c.act, e.tablesState(c.today)} {
		b.WriteString(part + "\x00")
	}
	b.Write(canonicalJSON([]any{c.request, c.config}))
	for _, id := range sortedKeys(asked) {
		b.WriteString(id + "\x00" + strconv.Itoa(e.bundle.Records[id].settled(c.today)) + "\x00")
	}
	return b.String()
}

// state counts the lines of a table that hold on a day.
func (t table) state(today Day) (n int) {
	for _, list := range t.Rows {
		for _, row := range list {
			if row.from().begun(today) {
				n++
			}
		}
	}
	return n
}

// residual is what a rule leaves over in a situation where these rules are asked.
func (e *Engine) residual(ctx context.Context, c *situation, id string, asked map[string]any) (*residual, error) {
	key := "residual\x00" + id + "\x00" + e.key(c, asked)
	if known, ok := e.partials.recall(key); ok {
		if err, failed := known.(error); failed {
			return nil, err
		}
		return known.(*residual), nil
	}
	document, err := e.shownTimeless(c, asked)
	if err != nil {
		return nil, err
	}
	r, err := e.translate(ctx, id, document, unknowns, c.bundle.Records[id])
	if err != nil {
		e.partials.keep(key, err)
		return nil, err
	}
	e.partials.keep(key, r)
	return r, nil
}

func (e *Engine) translate(ctx context.Context, id string, value ast.Value, unknown []*ast.Term, record *Record) (*residual, error) {
	left, err := e.left(ctx, id, "finding", value, unknown)
	if err != nil {
		return nil, err
	}
	r := &residual{deny: no, review: no, requires: map[string]*logic{}, relaxed: map[string]*logic{}, reads: map[string]string{}}
	t := newTranslation(&e.bundle.words, left.Support)
	t.reads = r.reads
	for _, q := range left.Queries {
		if err := r.take(t, q); err != nil {
			return nil, err
		}
	}
	if len(record.Relaxations) > 0 {
		if err := r.relaxations(ctx, e, id, value, unknown); err != nil {
			return nil, err
		}
	}
	return r, t.err
}

// take reads one body that partial evaluation left, whose head is a finding.
func (r *residual) take(t *translation, body ast.Body) error {
	head, rest, err := headOf(body)
	if err != nil {
		return err
	}
	text := func(key string) string {
		s, _ := fieldOf(head, key).(ast.String)
		return string(s)
	}
	switch effect := text("effect"); effect {
	case "deny":
		r.deny = or(r.deny, t.body(rest))
		r.why = joined(r.why, text("why"))
	case "review":
		r.review = or(r.review, t.body(rest))
		r.question = joined(r.question, text("question"))
	case "require":
		kind := text("evidence")
		if kind == "" {
			return fmt.Errorf("%s: the evidence that is required depends on facts", body[0].Location)
		}
		if r.requires[kind] == nil {
			r.requires[kind] = no
		}
		r.requires[kind] = or(r.requires[kind], t.body(rest))
	case "oblige":
		if text("on") == "" { // what is owing on a denial is no matter of a flag that is on
			r.owes = append(r.owes, owing{text("kind"), paramsOf(head)})
		}
	default:
		return fmt.Errorf("%s: a finding whose effect depends on facts", body[0].Location)
	}
	return nil
}

func joined(list, one string) string {
	if list == "" || list == one {
		return one
	}
	return list + "; " + one
}

// headOf takes what is found from the conditions under which it is.
func headOf(body ast.Body) (ast.Object, ast.Body, error) {
	for i, e := range body {
		if !e.IsEquality() || e.Negated {
			continue
		}
		args := e.Operands()
		for k := range 2 {
			if v, ok := args[k].Value.(ast.Var); ok && v == "found" {
				if object, isObject := args[1-k].Value.(ast.Object); isObject {
					return object, append(slices.Clone(body[:i]), body[i+1:]...), nil
				}
			}
		}
	}
	if len(body) == 0 {
		return nil, nil, errors.New("a finding that cannot be told from its conditions")
	}
	return nil, nil, fmt.Errorf("%s: a finding that cannot be told from its conditions", body[0].Location)
}

func fieldOf(o ast.Object, key string) ast.Value {
	if t := o.Get(ast.StringTerm(key)); t != nil {
		return t.Value
	}
	return nil
}

func paramsOf(head ast.Object) string {
	params := fieldOf(head, "params")
	if params == nil || !params.IsGround() {
		return ""
	}
	v, err := ast.JSON(params)
	if err != nil {
		return ""
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}

// relaxations reads where the conditions of the rule's own relaxations hold.
func (r *residual) relaxations(ctx context.Context, e *Engine, id string, document ast.Value, unknown []*ast.Term) error {
	left, err := e.left(ctx, id, "relaxation", document, unknown)
	if err != nil {
		return err
	}
	t := newTranslation(&e.bundle.words, left.Support)
	t.reads = r.reads
	for _, q := range left.Queries {
		for i, x := range q {
			if name, ok := relaxationOf(x); ok {
				holds := t.body(append(slices.Clone(q[:i]), q[i+1:]...))
				if r.relaxed[name] == nil {
					r.relaxed[name] = no
				}
				r.relaxed[name] = or(r.relaxed[name], holds)
			}
		}
	}
	return t.err
}

func relaxationOf(e *ast.Expr) (string, bool) {
	if !e.IsEquality() {
		return "", false
	}
	args := e.Operands()
	for k := range 2 {
		if v, ok := args[k].Value.(ast.Var); ok && v == "found" {
			s, isText := args[1-k].Value.(ast.String)
			return string(s), isText
		}
	}
	return "", false
}

// A duty is what somebody else than the flag does for a rule.
type duty struct {
	denies bool // it must be asked, for it may refuse
	owes   []owing
}

// duty is what a rule that another enforces may find in a situation. What cannot be
// seen is taken for a refusal.
func (e *Engine) duty(ctx context.Context, c *situation, id string, asked map[string]any) duty {
	key := "duty\x00" + id + "\x00" + e.key(c, asked)
	if known, ok := e.partials.recall(key); ok {
		return known.(duty)
	}
	d := duty{denies: true}
	if value, err := e.shownTimeless(c, asked); err == nil {
		if left, err := e.left(ctx, id, "finding", value, unknownToOthers); err == nil {
			d = dutyOf(left)
		}
	}
	e.partials.keep(key, d)
	return d
}

func dutyOf(left *rego.PartialQueries) duty {
	var d duty
	for _, q := range left.Queries {
		head, _, err := headOf(q)
		if err != nil {
			return duty{denies: true}
		}
		text := func(key string) string { s, _ := fieldOf(head, key).(ast.String); return string(s) }
		switch {
		case text("effect") != "oblige":
			d.denies = true
		case text("on") == "":
			if one := (owing{text("kind"), paramsOf(head)}); !slices.Contains(d.owes, one) {
				d.owes = append(d.owes, one)
			}
		}
	}
	return d
}

// canonicalJSON is a value's JSON, members in order; equal values are equal bytes.
func canonicalJSON(v any) []byte {
	raw, _ := json.Marshal(v) // what was read from JSON always marshals
	return raw
}
