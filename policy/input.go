package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Phase is when a decision is asked for.
type Phase string

// A region enables a capability or restricts access to it, knowing no patient; or
// one case is evaluated, with its facts.
const (
	Enablement Phase = "enablement"
	Evaluation Phase = "evaluation"
)

// Limits of an input. They are far above what any honest caller needs.
const (
	maxInputBytes = 256 << 10
	maxListed     = 1000
	maxPlaces     = 64
	maxItems      = 200
	maxDepth      = 12
	maxValues     = 5000
)

// An Input is what is to be decided. The decision is a function of it and of the
// bundle's revision: as_of is the only clock.
type Input struct {
	Phase             Phase               `json:"phase"`
	AsOf              string              `json:"as_of"` // RFC 3339
	Region            string              `json:"region,omitempty"`
	Jurisdictions     []string            `json:"jurisdictions"`
	HomeJurisdiction  string              `json:"home_jurisdiction,omitempty"` // recorded, never decided by
	Actor             string              `json:"actor"`
	Capability        string              `json:"capability"`
	CapabilityVersion string              `json:"capability_version,omitempty"`
	Request           map[string]any      `json:"request,omitempty"`
	Config            map[string]any      `json:"config,omitempty"`
	ByJurisdiction    map[string]Override `json:"by_jurisdiction,omitempty"`
	Facts             map[string]any      `json:"facts,omitempty"`
	Evidence          []Evidence          `json:"evidence,omitempty"`
	Waivers           []Waiver            `json:"waivers,omitempty"`
	// Performs says which obligations each enforcement point is known to carry
	// out. A point that is not named here has not been asked.
	Performs map[string][]string `json:"performs,omitempty"`
}

// An Override is what one jurisdiction has instead of the region's common
// request and configuration.
type Override struct {
	Request map[string]any `json:"request,omitempty"`
	Config  map[string]any `json:"config,omitempty"`
}

// ParseInput reads an input document and refuses unknown members.
func ParseInput(raw []byte) (Input, error) {
	var in Input
	if len(raw) > maxInputBytes {
		return in, fmt.Errorf("the input has %d bytes, at most %d are read", len(raw), maxInputBytes)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, err
	}
	if d.More() {
		return in, fmt.Errorf("there is something after the input")
	}
	return in, nil
}

// act is what is asked: enable, restrict, or use.
func (in *Input) act() string {
	restricts, _ := in.Request["restricts_access"].(bool)
	switch {
	case restricts:
		return "restrict"
	case in.Phase == Evaluation:
		return "use"
	}
	return "enable"
}

// problems lists what is wrong with the input. With any of them nothing is
// allowed: an unknown jurisdiction has no rules, and no rules would be no denial.
func (b *Bundle) problems(in *Input) (time.Time, []string) {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	at, err := time.Parse(time.RFC3339, in.AsOf)
	if err != nil {
		add("as_of %q is not a time such as 2026-08-01T12:00:00Z", clip(in.AsOf))
	}
	if in.Phase != Enablement && in.Phase != Evaluation {
		add("phase %q is neither enablement nor evaluation", clip(string(in.Phase)))
	}
	if !slices.Contains(b.words.Actors, in.Actor) {
		add("actor %q is not one of %v", clip(in.Actor), b.words.Actors)
	}
	if !slices.Contains(b.words.Capabilities, in.Capability) {
		add("capability %q is not known", clip(in.Capability))
	}
	list = append(list, b.misplaced(in)...)
	list = append(list, in.excess()...)
	if len(list) == 0 {
		list = b.mistyped(in)
	}
	return at, list
}

func (b *Bundle) misplaced(in *Input) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if len(in.Jurisdictions) == 0 {
		add("jurisdictions is empty")
	}
	if len(in.Jurisdictions) > maxPlaces {
		add("%d jurisdictions, at most %d", len(in.Jurisdictions), maxPlaces)
		return list
	}
	seen := map[string]bool{}
	for _, j := range in.Jurisdictions {
		if b.places.zones[j] == nil {
			add("jurisdiction %q has no encoded law", clip(j))
		}
		if seen[j] {
			add("jurisdiction %q is named twice", clip(j))
		}
		seen[j] = true
	}
	if in.Region != "" && in.Region != "all" && b.places.Regions[in.Region] == nil {
		add("region %q is not known", clip(in.Region))
	}
	for j := range in.ByJurisdiction {
		if !seen[j] {
			add("by_jurisdiction names %q, which is not asked about", clip(j))
		}
	}
	slices.Sort(list)
	return list
}

// excess bounds what is handed to the rules.
func (in *Input) excess() []string {
	var list []string
	if len(in.Evidence) > maxListed || len(in.Waivers) > maxListed {
		list = append(list, fmt.Sprintf("at most %d pieces of evidence and %d waivers are read", maxListed, maxListed))
	}
	left := maxValues
	values := []any{in.Request, in.Config, in.Facts}
	for _, o := range in.ByJurisdiction {
		values = append(values, o.Request, o.Config)
	}
	for _, v := range values {
		if !within(v, maxDepth, &left) {
			return append(list, fmt.Sprintf("request, config and facts hold at most %d values, %d deep", maxValues, maxDepth))
		}
	}
	return list
}

func within(v any, depth int, left *int) bool {
	*left--
	if *left < 0 || depth < 0 {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			if !within(x, depth-1, left) {
				return false
			}
		}
	case []any:
		for _, x := range v {
			if !within(x, depth-1, left) {
				return false
			}
		}
	}
	return true
}

// mistyped refuses words that are not in the vocabulary and values of the wrong
// type. In Rego a string is greater than every number, so "17" would not be a
// minor's age.
func (b *Bundle) mistyped(in *Input) []string {
	list := append(b.spoken("request", in.Request, b.words.Request), b.spoken("config", in.Config, b.words.Config)...)
	for _, j := range sortedKeys(in.ByJurisdiction) {
		o := in.ByJurisdiction[j]
		list = append(list, b.spoken("by_jurisdiction."+j+".request", o.Request, b.words.Request)...)
		list = append(list, b.spoken("by_jurisdiction."+j+".config", o.Config, b.words.Config)...)
	}
	list = append(list, b.mistypedFacts("facts", in.Facts)...)
	items, given := in.Facts["items"]
	parts, isList := items.([]any)
	if given && !isList || len(parts) > maxItems {
		return append(list, fmt.Sprintf("facts.items is not a list of at most %d items", maxItems))
	}
	ids := map[string]bool{}
	for i, part := range parts {
		item, _ := part.(map[string]any)
		id, _ := item["id"].(string)
		if id == "" || ids[id] {
			list = append(list, fmt.Sprintf("facts.items[%d] has no id of its own", i))
			continue
		}
		ids[id] = true
		list = append(list, b.mistypedFacts("facts.items["+clip(id)+"]", item)...)
	}
	return list
}

// spoken checks the members of a closed object.
func (b *Bundle) spoken(where string, said, known map[string]any) []string {
	var list []string
	for _, key := range sortedKeys(said) {
		want, ok := known[key]
		if !ok {
			list = append(list, fmt.Sprintf("%s.%s is not known", where, clip(key)))
		} else if said[key] != nil && !fits(said[key], want) {
			list = append(list, fmt.Sprintf("%s.%s is not %s", where, key, wanting(want)))
		}
	}
	return list
}

// mistypedFacts checks the known facts of an open object.
func (b *Bundle) mistypedFacts(where string, facts map[string]any) []string {
	var list []string
	for _, path := range sortedKeys(b.words.Facts) {
		v, ok := lookup(facts, path)
		if !ok {
			list = append(list, fmt.Sprintf("%s.%s cannot be reached: a part of its path is no object", where, path))
		} else if v != nil && !fits(v, b.words.Facts[path]) {
			list = append(list, fmt.Sprintf("%s.%s is not %s", where, path, wanting(b.words.Facts[path])))
		}
	}
	return list
}

// lookup finds a nested fact; nil is absent. It is not ok if the path leads
// through something that is no object.
func lookup(facts map[string]any, path string) (any, bool) {
	var v any = facts
	for _, part := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, v == nil
		}
		v = m[part]
	}
	if m, isMap := v.(map[string]any); isMap && m == nil {
		return nil, true
	}
	return v, true
}

// fits reports whether a value is of a type of the vocabulary, or one of a list.
func fits(v, want any) bool {
	switch want := want.(type) {
	case []any:
		return slices.Contains(want, v)
	case string:
		return fitsType(v, want)
	}
	return false
}

func fitsType(v any, want string) bool {
	switch want {
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "number":
		f, ok := v.(float64)
		return ok && f == f
	case "string":
		_, ok := v.(string)
		return ok
	case "timestamp":
		s, ok := v.(string)
		_, err := time.Parse(time.RFC3339, s)
		return ok && err == nil
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "strings":
		return each(v, func(x any) bool { _, ok := x.(string); return ok })
	case "objects":
		return each(v, func(x any) bool { _, ok := x.(map[string]any); return ok })
	}
	return false
}

func each(v any, ok func(any) bool) bool {
	list, isList := v.([]any)
	if !isList {
		return false
	}
	for _, x := range list {
		if !ok(x) {
			return false
		}
	}
	return true
}

func wanting(want any) string {
	if list, ok := want.([]any); ok {
		return fmt.Sprintf("one of %v", list)
	}
	return fmt.Sprintf("of type %v", want)
}

// clip keeps a hostile value from filling a message.
func clip(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
