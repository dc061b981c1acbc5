package eval

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// A flag may be good only for so long after its source was last heard of: its
// metadata has "lease", in seconds. Whoever evaluates by itself and knows nothing
// of leases still keeps to it if the end of the lease stands in the targeting, as
// a comparison with the time of the evaluation. Such a bound is put before the
// targeting when the definition is sent, and taken away by those who reckon with
// the lease themselves:
//
//	{"if": [{">=": [{"var": "$flagd.timestamp"}, 1764000060]}, "stale", …]}
const (
	// StaleVariant is what a flag with a lease serves once that has run out.
	StaleVariant = "stale"
	// DefaultLease is meant where the metadata has a lease that is no number of
	// seconds above zero.
	DefaultLease = time.Minute

	leaseKey   = "lease"
	boundOpens = `{"if":[{">=":[{"var":"$flagd.timestamp"},`
	boundEnds  = `]},`
	ifOpens    = `{"if":[`
)

// Lease is how long the flag is good after its source was last heard of; 0 is
// for ever.
func (f *Flag) Lease() time.Duration {
	switch x := f.metadata[leaseKey].(type) {
	case nil:
		return 0
	case json.Number:
		return leaseOf(x.String())
	}
	return DefaultLease
}

func leaseOf(literal string) time.Duration {
	s, err := strconv.ParseFloat(literal, 64)
	if err != nil || !(s > 0) {
		return DefaultLease
	}
	return time.Duration(math.Min(s, math.MaxInt32) * float64(time.Second))
}

// Lapsed is what the flag gives once its lease has run out: the variant "stale",
// without one false for a boolean, and else the default variant. It is the same
// as what the definition with the bound gives.
func (f *Flag) Lapsed() Result {
	r := Result{Reason: Stale, Metadata: f.metadata}
	i := f.variant(StaleVariant)
	switch {
	case f.disabled:
		r.Reason = Disabled
		return r
	case i >= 0:
	case f.typ == Boolean:
		r.Value, r.HasValue, r.Variant, r.HasVariant = false, true, StaleVariant, true
		return r
	case f.byDefault >= 0:
		i = f.byDefault
	default:
		return r
	}
	v := &f.variants[i]
	r.Value, r.HasValue, r.Variant, r.HasVariant = v.Value, true, v.Name, true
	return r
}

// DefinitionUntil is the definition with a bound: from that second on it gives
// what Lapsed does. A rule keeps its depth by it.
func (f *Flag) DefinitionUntil(end time.Time) []byte {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(f.Definition(), &members); err != nil { // it is ours
		panic(err)
	}
	stale := `"` + StaleVariant + `"`
	switch {
	case f.variant(StaleVariant) >= 0:
	case f.typ == Boolean:
		v := members["variants"]
		members["variants"] = json.RawMessage(string(v[:len(v)-1]) + `,` + stale + `:false}`)
	default:
		stale = "null" // the default variant
	}
	rule := `null`
	if t, ok := members["targeting"]; ok && string(t) != "{}" {
		rule = string(t)
	}
	bounded := boundOpens + strconv.FormatInt(end.Unix(), 10) + boundEnds + stale + `,`
	if rest, ok := strings.CutPrefix(rule, ifOpens); ok && rest != "]}" {
		bounded += rest
	} else {
		bounded += rule + `]}`
	}
	members["targeting"] = json.RawMessage(bounded)
	raw, err := marshal(members)
	if err != nil {
		panic(err)
	}
	return raw
}

// Unbounded takes the bound away from a definition that was sent with one, and
// says when it ends and how long the lease is. ok is false, and the definition as
// it was, if it has no lease or no bound.
func Unbounded(definition []byte) (plain []byte, end time.Time, lease time.Duration, ok bool) {
	var head struct {
		Metadata  map[string]json.RawMessage `json:"metadata"`
		Targeting json.RawMessage            `json:"targeting"`
	}
	if json.Unmarshal(definition, &head) != nil || head.Metadata[leaseKey] == nil {
		return definition, end, 0, false
	}
	var compact bytes.Buffer
	if len(head.Targeting) == 0 || json.Compact(&compact, head.Targeting) != nil {
		return definition, end, 0, false
	}
	rest, bounded := strings.CutPrefix(compact.String(), boundOpens)
	number, rest, cut := strings.Cut(rest, boundEnds)
	unix, err := strconv.ParseInt(number, 10, 64)
	rest, named := strings.CutPrefix(rest, `"`+StaleVariant+`",`)
	if !named {
		rest, named = strings.CutPrefix(rest, "null,")
	}
	if !bounded || !cut || !named || err != nil {
		return definition, end, 0, false
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(definition, &members); err != nil {
		return definition, end, 0, false
	}
	members["targeting"] = unwrapped(rest)
	if plain, err = marshal(members); err != nil {
		return definition, end, 0, false
	}
	return plain, time.Unix(unix, 0).UTC(), leaseOf(string(head.Metadata[leaseKey])), true
}

// unwrapped is the targeting behind a bound: what remains of an "if", or the one
// rule in it.
func unwrapped(rest string) json.RawMessage {
	whole := ifOpens + rest
	var outer map[string][]json.RawMessage
	if json.Unmarshal([]byte(whole), &outer) == nil && len(outer["if"]) == 1 {
		if one := outer["if"][0]; len(one) > 0 && (one[0] == '{' || string(one) == "null") {
			return one
		}
	}
	return json.RawMessage(whole)
}

func marshal(members map[string]json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it would change what is compared
	if err := enc.Encode(members); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
