package flags

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxInteger is the largest whole number that every client's numbers hold
// exactly, 2^53-1.
const maxInteger = 1<<53 - 1

// Check says what is wrong with a setting, nil if nothing is. Default must lie
// within Allowed, Min and Max; Off need not, since it stands for "not at all".
func (s Setting) Check() error {
	at := "/settings/" + s.Key
	switch {
	case !capabilityKey.MatchString(s.Key):
		return bad("/settings", s.Key, "a setting key has up to 64 lower-case letters, digits and underscores")
	case !slices.Contains(SettingTypes, s.Type):
		return bad(at+"/type", s.Type, "the setting types are %v", SettingTypes)
	case !plainText(s.Description, 300):
		return bad(at+"/description", s.Description, "describe it in 1 to 300 printable characters")
	case len(s.Allowed) > 100:
		return bad(at+"/allowed", "", "at most 100 values are listed")
	case (s.Min != nil || s.Max != nil) && s.Type != "integer" && s.Type != "number":
		return bad(at, s.Type, "only integers and numbers have a min and a max")
	case s.Min != nil && s.Max != nil && *s.Min > *s.Max:
		return bad(at+"/min", formatNumber(*s.Min), "min is at most max, which is %s", formatNumber(*s.Max))
	}
	for _, v := range s.Allowed {
		if err := s.checkType(at+"/allowed", v); err != nil {
			return err
		}
	}
	if err := s.checkType(at+"/off", s.Off); err != nil {
		return err
	}
	return s.CheckValue(at+"/default", s.Default)
}

// CheckValue says why v cannot be the setting's value while the capability is
// on, nil if it can.
func (s Setting) CheckValue(field string, v any) error {
	if err := s.checkType(field, v); err != nil {
		return err
	}
	n, numeric := v.(float64)
	switch {
	case len(s.Allowed) > 0 && !slices.Contains(s.Allowed, v):
		return bad(field, fmt.Sprint(v), "the allowed values are %v", s.Allowed)
	case numeric && s.Min != nil && n < *s.Min:
		return bad(field, formatNumber(n), "the least value is %s", formatNumber(*s.Min))
	case numeric && s.Max != nil && n > *s.Max:
		return bad(field, formatNumber(n), "the greatest value is %s", formatNumber(*s.Max))
	}
	return nil
}

func (s Setting) checkType(field string, v any) error {
	ok := false
	switch v := v.(type) {
	case bool:
		ok = s.Type == "boolean"
	case string:
		ok = s.Type == "string" && (v == "" || plainText(v, 1000))
	case float64:
		whole := v == math.Trunc(v) && math.Abs(v) <= maxInteger
		ok = s.Type == "number" || s.Type == "integer" && whole
	}
	if !ok {
		return bad(field, text(v), "the value must be %s", article(s.Type))
	}
	return nil
}

// text is a value as the one who sent it wrote it.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

func article(word string) string {
	if word == "integer" {
		return "an integer"
	}
	return "a " + word
}

// literal is the value as it stands in a flag definition. A number always has a
// decimal point and an integer never has one: clients in several languages tell
// the two apart by the literal.
func (s Setting) literal(v any) json.RawMessage {
	if n, ok := v.(float64); ok {
		text := formatNumber(n)
		if s.Type == "number" && !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.RawMessage(text)
	}
	raw, err := json.Marshal(v)
	if err != nil { // cannot happen for a bool or a string
		return json.RawMessage("null")
	}
	return raw
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
