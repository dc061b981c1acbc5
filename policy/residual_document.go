package policy

import (
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Compiling asks the rules thousands of times, and most of what they are shown is the
// same each time: the tables, and what each rule says from a day on. Those parts are
// turned into Rego's values once. The document that results equals that of document.

// shownTimeless is the document of a situation without what must not decide a flag:
// the facts and the time.
func (e *Engine) shownTimeless(c *situation, asked map[string]any) (ast.Value, error) {
	return e.shown(c, asked, nil)
}

// shownNow is the document of a situation that knows the time.
func (e *Engine) shownNow(c *situation, asked map[string]any) (ast.Value, error) {
	return e.shown(c, asked, map[string]any{"as_of": c.in.AsOf, "today": string(c.today), "facts": map[string]any{}})
}

func (e *Engine) shown(c *situation, asked, besides map[string]any) (ast.Value, error) {
	parts := map[string]any{
		"jurisdiction": c.jurisdiction, "region": c.in.Region, "actor": c.in.Actor, "capability": c.in.Capability,
		"phase": string(c.in.Phase), "act": c.act, "request": c.request, "config": c.config,
	}
	for name, v := range besides {
		parts[name] = v
	}
	value, err := ast.InterfaceToValue(parts)
	if err != nil {
		return nil, err
	}
	tables, err := e.tablesOn(c.today)
	if err != nil {
		return nil, err
	}
	rules := ast.NewObject()
	for id := range asked {
		said, err := e.saidBy(id, c.today)
		if err != nil {
			return nil, err
		}
		rules.Insert(ast.StringTerm(id), said)
	}
	document := value.(ast.Object)
	document.Insert(ast.StringTerm("tables"), tables)
	document.Insert(ast.StringTerm("rules"), ast.NewTerm(rules))
	return document, nil
}

// tablesOn are the tables as they are on a day.
func (e *Engine) tablesOn(today Day) (*ast.Term, error) {
	return e.partials.term("tables\x00"+e.tablesState(today), func() any {
		tables := map[string]any{}
		for name, t := range e.bundle.tables {
			tables[name] = t.current(today)
		}
		return tables
	})
}

// tablesState names what the tables say on a day: how many lines of each hold.
func (e *Engine) tablesState(today Day) string {
	if known, ok := e.partials.recall("state\x00" + string(today)); ok {
		return known.(string)
	}
	var b strings.Builder
	for _, name := range sortedKeys(e.bundle.tables) {
		b.WriteString(strconv.Itoa(e.bundle.tables[name].state(today)) + ",")
	}
	e.partials.keep("state\x00"+string(today), b.String())
	return b.String()
}

// saidBy is what a rule says on a day.
func (e *Engine) saidBy(id string, today Day) (*ast.Term, error) {
	r := e.bundle.Records[id]
	return e.partials.term("setting\x00"+id+"\x00"+strconv.Itoa(r.settled(today)), func() any { return map[string]any(r.setting(today)) })
}

// settled counts the settings whose day has come.
func (r *Record) settled(today Day) (n int) {
	for _, s := range r.Settings {
		if s.from().begun(today) {
			n++
		}
	}
	return n
}

// term is a value that was made once.
func (p *memory) term(key string, make func() any) (*ast.Term, error) {
	if known, ok := p.recall(key); ok {
		return known.(*ast.Term), nil
	}
	value, err := ast.InterfaceToValue(make())
	if err != nil {
		return nil, err
	}
	t := ast.NewTerm(value)
	p.keep(key, t)
	return t, nil
}
