package governance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

// A Remark is one contribution to the deliberation on a case.
type Remark struct {
	ID       string     `json:"id"`
	Case     string     `json:"case"`
	Version  int        `json:"version"` // of the case, when it was made
	Kind     RemarkKind `json:"kind"`
	Under    string     `json:"under,omitempty"` // the remark it replies to
	Text     string     `json:"text"`
	Made     Act        `json:"made"`
	Answered *Act       `json:"answered,omitempty"` // a question: with the remark's id as reason
	Resolved *Act       `json:"resolved,omitempty"` // an objection: with how
}

// RemarkKind is what a remark is.
type RemarkKind string

// The kinds of remark. A statement stands beside the case; a question must be
// answered before the ballot; support, concern and objection are positions.
const (
	Comment   RemarkKind = "comment"
	Statement RemarkKind = "statement"
	Question  RemarkKind = "question"
	Answer    RemarkKind = "answer"
	Support   RemarkKind = "support"
	Concerned RemarkKind = "concern"
	Objection RemarkKind = "objection"
)

// RemarkKinds lists them.
var RemarkKinds = []RemarkKind{Comment, Statement, Question, Answer, Support, Concerned, Objection}

// maxRemarks is how many a case takes.
const maxRemarks = 500

// say makes a remark; under is the one it replies to, if any.
func say(r Remark, about Case, under *Remark, act Act) (Remark, error) {
	switch {
	case !slices.Contains(RemarkKinds, r.Kind):
		return r, bad("/kind", string(r.Kind), "a remark is one of %v", RemarkKinds)
	case !plain(r.Text, 4000):
		return r, bad("/text", r.Text, "say it in 1 to 4,000 characters")
	case (r.Kind == Answer) != (under != nil && under.Kind == Question):
		return r, bad("/under", r.Under, "an answer, and nothing else, stands under a question")
	case about.State == CaseWithdrawn || about.State == CaseFunded:
		return r, fault.New(fault.Refused, "case_"+string(about.State), "the case %s is %s", about.ID, about.State).Do("nothing needs to be said any more")
	}
	r.Version, r.Made, r.Answered, r.Resolved = about.Version, act, nil, nil
	return r, nil
}

// resolve ends an objection. Only whoever made it can: what satisfies an objector is
// for the objector to say.
func (r Remark) resolve(act Act) (Remark, error) {
	switch {
	case r.Kind != Objection:
		return r, fault.New(fault.Refused, "no_objection", "the remark %s is a %s", r.ID, r.Kind).Do("only an objection is resolved")
	case r.Resolved != nil:
		return r, fault.New(fault.Refused, "resolved_already", "the objection was resolved by %s", r.Resolved.By.Name).Do("nothing needs to be done")
	case r.Made.By.ID != act.By.ID:
		return r, fault.New(fault.Forbidden, "not_yours", "the objection is %s's", r.Made.By.Name).Do("amend the case so that they can withdraw it")
	}
	r.Resolved = &act
	return r, nil
}

// openPoints says what keeps a case off the ballot.
func openPoints(c Charter, remarks []Remark) []string {
	var list []string
	for _, r := range remarks {
		if r.Kind == Question && r.Answered == nil {
			list = append(list, "a question of "+r.Made.By.Name+" is not answered")
		}
		if r.Kind == Objection && r.Resolved == nil && c.Objections == ObjectionBlocks {
			list = append(list, "an objection of "+r.Made.By.Name+" is not resolved")
		}
	}
	return list
}

// checkDeliberated says what keeps a case off the ballot: a question nobody answered,
// an objection nobody resolved.
func checkDeliberated(tx *kv.Tx, c Charter, one Case) error {
	list, err := getRemarks(tx, one.ID)
	if err != nil {
		return err
	}
	if points := openPoints(c, list); len(points) > 0 {
		return fault.New(fault.Refused, "not_deliberated", "the case %s cannot be voted on: %s", one.ID, strings.Join(points, "; ")).
			Do("answer, or amend the case; see `quorate case show %s`", one.ID)
	}
	return nil
}

// A Line is one difference between two versions of a case.
type Line struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Diff lists what an amendment changed, by path.
func Diff(before, after Case) []Line {
	a, b := flat(before), flat(after)
	var list []Line
	for path, was := range a {
		if is, ok := b[path]; !ok || is != was {
			list = append(list, Line{path, was, is})
		}
	}
	for path, is := range b {
		if _, ok := a[path]; !ok {
			list = append(list, Line{path, "", is})
		}
	}
	slices.SortFunc(list, func(x, y Line) int { return strings.Compare(x.Path, y.Path) })
	return list
}

// flat is a case as paths and texts, without who wrote it when.
func flat(c Case) map[string]string {
	c.Written, c.First, c.Version, c.State = Act{}, Act{}, 0, ""
	raw, err := json.Marshal(c)
	var tree map[string]any
	if err != nil || json.Unmarshal(raw, &tree) != nil {
		return nil
	}
	delete(tree, "written")
	delete(tree, "first")
	delete(tree, "version")
	delete(tree, "state")
	out := map[string]string{}
	flatten("", tree, out)
	return out
}

func flatten(at string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			flatten(at+"/"+k, x, out)
		}
	case []any:
		for i, x := range v {
			flatten(fmt.Sprintf("%s/%d", at, i), x, out)
		}
	case nil:
	default:
		out[at] = fmt.Sprint(v)
	}
}
