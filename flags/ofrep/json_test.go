package ofrep

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quorate/quorate/flags/eval"
)

// A body is read as any JSON reader would, or refused with the reason.
func TestReadingABody(t *testing.T) {
	deep := func(n int) string { return `{"context":{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}}` }
	for _, c := range []struct {
		what, body string
		want       eval.Context
		code       eval.ErrorCode
		says       string
	}{
		{"nothing of a context", `{}`, eval.Context{}, "", ""},
		{"an empty context", ` { "context" : { } } `, eval.Context{}, "", ""},
		{"null for a context", `{"context":null}`, eval.Context{}, "", ""},
		{"every kind of value", `{"context":{"s":"x","n":-1.5e2,"t":true,"f":false,"z":null,"l":[1,"2",[]],"o":{"a":{}}}}`,
			eval.Context{"s": "x", "n": -150.0, "t": true, "f": false, "z": nil, "l": []any{1.0, "2", []any{}}, "o": object{"a": object{}}}, "", ""},
		{"unknown members", `{"types":["boolean"],"context":{"a":1},"x":{"context":2}}`, eval.Context{"a": 1.0}, "", ""},
		{"escapes", `{"context":{"\u0061\n":"\"\\\/\b\f\r\t\u00e9\ud83d\ude00"}}`, eval.Context{"a\n": "\"\\/\b\f\r\té😀"}, "", ""},
		{"half a surrogate pair", `{"context":{"a":"\ud83dx\ude00"}}`, eval.Context{"a": "�x�"}, "", ""},
		{"text of other scripts", `{"context":{"名":"Ωé"}}`, eval.Context{"名": "Ωé"}, "", ""},
		{"as deep as it may be", deep(MaxNesting - 1), nil, "", ""},
		{"too deep", deep(MaxNesting), nil, eval.InvalidContext, "deeper than 64"},
		{"very deep", strings.Repeat("[", 1<<20), nil, eval.InvalidContext, "deeper than 64"},
		{"too many values", `{"context":{"a":[` + strings.Repeat("0,", MaxValues) + `0]}}`, nil, eval.InvalidContext, "10000 values"},
		{"a number that is too large", `{"context":{"a":1e999}}`, nil, eval.InvalidContext, "out of range"},
		{"a list for a context", `{"context":[1]}`, nil, eval.InvalidContext, "not a JSON object"},
		{"a string for a context", `{"context":"x"}`, nil, eval.InvalidContext, "not a JSON object"},
		{"no body", ``, nil, eval.ParseError, "byte 0"},
		{"a list for a body", `[]`, nil, eval.ParseError, "not a JSON object"},
		{"the beginning of a body", `{"context":{"a":"`, nil, eval.ParseError, "without an end"},
		{"text behind it", `{} {}`, nil, eval.ParseError, "after the end"},
		{"a name given twice", `{"context":{"a":1,"a":2}}`, nil, eval.ParseError, "has already"},
		{"two contexts", `{"context":{"a":1},"context":{}}`, nil, eval.ParseError, "has already"},
		{"a trailing comma", `{"context":{"a":1,}}`, nil, eval.ParseError, "name is missing"},
		{"invalid UTF-8", "{\"context\":{\"a\":\"\xff\"}}", nil, eval.ParseError, "not UTF-8"},
		{"a control character", "{\"context\":{\"a\":\"\n\"}}", nil, eval.ParseError, "control character"},
		{"an unknown escape", `{"context":{"a":"\x"}}`, nil, eval.ParseError, "escape"},
		{"a leading zero", `{"context":{"a":01}}`, nil, eval.ParseError, "begins with 0"},
		{"no digits", `{"context":{"a":1.}}`, nil, eval.ParseError, "behind the point"},
		{"a word that is none", `{"context":{"a":nul}}`, nil, eval.ParseError, "none"},
	} {
		got, err := readBody(c.body)
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%s: %+v", c.what, err)
		case c.code != "" && (err == nil || err.code != c.code || !strings.Contains(err.says, c.says)):
			t.Errorf("%s: %v %+v, want %s saying %q", c.what, got, err, c.code, c.says)
		case c.want != nil && !reflect.DeepEqual(got, c.want):
			t.Errorf("%s: %#v, want %#v", c.what, got, c.want)
		}
	}
}

type object = map[string]any

// Nothing of a context comes back in an error: it belongs to a patient.
func TestNoErrorRepeatsTheContext(t *testing.T) {
	const secret = "canary-4711"
	for _, body := range []string{`{"context":{"` + secret + `":1,"` + secret + `":2}}`, `{"context":"` + secret, `{"context":{"a":` + secret + `}}`,
		`{"context":"` + secret + `"}`, secret} {
		if _, err := readBody(body); err == nil || strings.Contains(err.says, secret) {
			t.Errorf("%s: %+v", body, err)
		}
	}
}

// Whatever is sent, the reader agrees with encoding/json, except where it says
// that it is stricter.
func FuzzReadBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"context":{"targetingKey":"p1","patient":{"age":44}}}`, `{"context":{"a":[1.5e-3,-0,"\u00e9\ud83d\ude00",null]}}`,
		`{"context":1}`, `[`, "{\"context\":{\"a\":\"\xff\"}}", `{"context":{"a":1,"a":2}}`, `{"context":{"a":1e400}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := readBody(body)
		var want struct{ whole any }
		valid := json.Unmarshal([]byte(body), &want.whole)
		whole, isObject := want.whole.(object)
		if err == nil {
			if valid != nil {
				t.Fatalf("read what encoding/json does not: %v", valid)
			}
			context, _ := whole["context"].(object)
			if len(context)+len(got) > 0 && !reflect.DeepEqual(got, context) {
				t.Fatalf("%#v, encoding/json reads %#v", got, context)
			}
			return
		}
		if err.code == eval.ParseError && valid == nil && isObject && utf8.ValidString(body) && !repeatsAName(body) {
			t.Fatalf("%s, but encoding/json reads it", err.says)
		}
	})
}

// repeatsAName reports whether some object of valid JSON has a name twice.
func repeatsAName(text string) bool {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	var names []map[string]bool // of the open objects; nil for a list
	name := true                // the next string in an object is a name
	for {
		token, err := d.Token()
		if err == io.EOF || err != nil {
			return false
		}
		top := len(names) - 1
		inObject := top >= 0 && names[top] != nil
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				names, name = append(names, map[string]bool{}), true
				continue
			case '[':
				names = append(names, nil)
			default:
				names = names[:top]
			}
			name = true
		case string:
			if !inObject || !name {
				name = true
				continue
			}
			if names[top][token] {
				return true
			}
			names[top][token], name = true, false
		default:
			name = true
		}
	}
}

var usual = `{"context":{"targetingKey":"p1","action":"start","patient":{"age":44,"location_now":"US-CO"},"clinician":{"licenses":["US-CO"]}}}`

// The reader beside what it stands for.
func BenchmarkReadBody(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := readBody(usual); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var in struct{ Context map[string]any }
			if err := json.Unmarshal([]byte(usual), &in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
