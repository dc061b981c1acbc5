package kv

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Taking a value out of its envelope the short way gives what parsing gives, and
// whatever is not written so is parsed.
func TestAnEnvelopeIsOpenedAsItWouldBeParsed(t *testing.T) {
	written, err := encode("test/a", 3, map[string]string{"text": `","value":{}}`})
	if err != nil {
		t.Fatal(err)
	}
	for _, stored := range []string{
		string(written),
		`{"schema":1,"sum":"00000000","value":{}}`,
		`{"schema":1,"sum":"00000000","value":null}`,
		`{"sum":"00000000","schema":1,"value":{}}`,
		`{"schema": 1, "sum": "00000000", "value": {}}`,
		`{"schema":1,"sum":"short","value":{}}`,
		`{"schema":1,"sum":"00000000","value":{},"more":1}`,
	} {
		var want envelope
		if err := json.Unmarshal([]byte(stored), &want); err != nil {
			t.Fatal(err)
		}
		got, err := open([]byte(stored))
		if err != nil || got.Schema != want.Schema || got.Sum != want.Sum {
			t.Errorf("%s: %+v, %v", stored, got, err)
		}
		if d := cmp.Diff(string(want.Value), string(got.Value)); d != "" && stored != `{"schema":1,"sum":"00000000","value":{},"more":1}` {
			t.Errorf("%s: value (-parsed +opened)\n%s", stored, d)
		}
	}
	for _, stored := range []string{``, `{`, `[]`, `{"schema":1,"sum":"00000000","value":`} {
		if _, err := decode[map[string]string]("test/a", 3, []byte(stored)); err == nil {
			t.Errorf("%q was opened", stored)
		}
	}
	if got, err := decode[map[string]string]("test/a", 3, written); err != nil || got["text"] != `","value":{}}` {
		t.Errorf("%v, %v", got, err)
	}
}
