package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// message is what a document says, taken apart.
type message struct {
	document string // without bounds and origin
	origin   Origin
	granted  time.Time
}

// outline is a document with its flags as text.
type outline struct {
	Evaluators json.RawMessage            `json:"$evaluators,omitempty"`
	Origin     *Origin                    `json:"$quorate,omitempty"`
	Flags      map[string]json.RawMessage `json:"flags"`
	Metadata   json.RawMessage            `json:"metadata,omitempty"`
}

// readDocument takes origin and bounds out of a document, so that what is left is
// the same as long as the set is.
func readDocument(document string) (message, error) {
	m := message{document: document}
	if !strings.Contains(document, `"$quorate"`) && !strings.Contains(document, `"lease"`) {
		return m, nil
	}
	var o outline
	if err := json.Unmarshal([]byte(document), &o); err != nil {
		return m, fmt.Errorf("the set is not a document of flags: %w", err)
	}
	if o.Flags == nil {
		return m, fmt.Errorf(`the set has no "flags"`)
	}
	for key, definition := range o.Flags {
		plain, end, lease, ok := eval.Unbounded(definition)
		if !ok {
			continue
		}
		o.Flags[key] = plain
		if granted := end.Add(-lease); m.granted.IsZero() || granted.Before(m.granted) {
			m.granted = granted
		}
	}
	if o.Origin != nil {
		m.origin, o.Origin = *o.Origin, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		return m, err
	}
	m.document = b.String()
	return m, nil
}

// changes lists the keys whose definitions differ between two sets.
func changes(from, to *eval.Set) []string {
	var keys []string
	for _, key := range to.Keys() {
		f, _ := to.Flag(key)
		if was, had := from.Flag(key); !had || string(was.Definition()) != string(f.Definition()) {
			keys = append(keys, key)
		}
	}
	for _, key := range from.Keys() {
		if _, has := to.Flag(key); !has {
			keys = append(keys, key)
		}
	}
	return keys
}
