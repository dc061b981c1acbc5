package flags

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// failing is the first condition that does not hold for a context at a time, nil
// if all do. One that cannot be judged does not hold.
func (st State) failing(ctx eval.Context, at time.Time) *condition {
	for i := range st.pair.list {
		c := &st.pair.list[i]
		if c.starts == 0 && c.ends == 0 && fails(c.fails, ctx, at) || c.failsAt(at.Unix()) {
			return c
		}
	}
	return nil
}

func fails(rule string, ctx eval.Context, at time.Time) bool {
	f, err := compileFlag("condition", definition{State: "ENABLED", DefaultVariant: "fails",
		Variants:  map[string]json.RawMessage{"fails": json.RawMessage("true"), "holds": json.RawMessage("false")},
		Targeting: json.RawMessage(`{"if":[` + rule + `,"fails","holds"]}`)})
	if err != nil {
		return true
	}
	failed, has, _, _, _ := f.EvaluateBool(ctx, at)
	return failed || !has
}

// absent lists the attributes that a context does not have.
func absent(paths []string, ctx eval.Context) []string {
	var missing []string
	for _, path := range paths {
		var value any = map[string]any(ctx)
		for name := range strings.SplitSeq(path, ".") {
			m, _ := value.(map[string]any)
			value = m[name]
		}
		if value == nil {
			missing = append(missing, path)
		}
	}
	return missing
}

// howLayer says how the capability is on, whence that comes, and what of it does
// not hold.
func (st State) howLayer(failing *condition) Layer {
	e := st.Enablement.Value
	if failing != nil && failing.check != nil && failing.of == st.Capability.Value.Key {
		failing = nil // that is said of what is permitted
	}
	l := Layer{Name: "how", Holds: failing == nil && st.pair.open(), Revision: st.Enablement.Revision}
	says := []string{st.How.Words(), st.baselineWords()}
	for _, c := range st.pair.list {
		if c.starts != 0 && strings.Contains(c.says, "held back") {
			says = append(says, c.says)
		}
	}
	if failing != nil {
		says = append(says, "does not hold: "+failing.words(st.Capability.Value.Key))
	}
	l.Says = strings.Join(says, "; ")
	return l.by(e.Answered)
}

// words is a condition for people, with the prerequisite it comes from.
func (c condition) words(capability string) string {
	if c.of != capability {
		return c.of + ", which it needs: " + c.says
	}
	return c.says
}

// baselineWords says how the region stands to the group's baseline.
func (st State) baselineWords() string {
	e, b := st.Enablement.Value, st.Baseline
	switch {
	case e.Follow:
		return fmt.Sprintf("it follows the group's baseline, at revision %d", b.Revision)
	case e.Accepted != nil && b.Exists() && e.Accepted.Revision != b.Revision:
		return fmt.Sprintf("over the group's baseline of revision %d; the present one, %d, is not accepted", e.Accepted.Revision, b.Revision)
	case e.Accepted != nil:
		return fmt.Sprintf("over the group's baseline of revision %d", e.Accepted.Revision)
	case b.Exists():
		return fmt.Sprintf("apart from the group's baseline of revision %d", b.Revision)
	}
	return "the group has set no baseline"
}

// lineFor is the first line for a context that one condition keeps out.
func lineFor(st State, c condition, missing []string) string {
	what := short(st.Capability.Value.Name, st.Capability.Value.Key)
	where := short(st.Region.Value.Name, st.Region.Value.Key)
	off := fmt.Sprintf("%s: off in %s for this context, ", what, where)
	whose := ""
	if c.of != st.Capability.Value.Key {
		whose = c.of + " "
	}
	switch {
	case c.check != nil && whose == "":
		return off + offByRule(c.check, missing)
	case c.check != nil:
		return off + "because regulation forbids the " + whose + "it needs. Counsel can say what would be allowed."
	case len(missing) > 0 && c.cause != NotReady:
		return off + "because " + missing[0] + " is missing. The portal service must send it."
	case c.cause == NotReady || c.cause == Prerequisite && c.field == "":
		return off + "whose facility is not ready. The regional lead can have systems added."
	case c.field == "rollout":
		return off + "which the " + whose + "rollout has not reached. The regional lead can raise it."
	}
	field := strings.ReplaceAll(strings.TrimPrefix(c.field, "audience."), "_", " ")
	return off + "outside the " + whose + field + " asked for. The regional lead can widen it."
}
