package governance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/governance/tally"
)

// The stored JSON of every collection, with every field. A field may be added; a
// change of what is there breaks the stores that exist. QUORATE_UPDATE=1 writes the
// files anew.
func TestStoredJSONIsKept(t *testing.T) {
	keep[Body](t, "bodies")
	keep[Seat](t, "seats")
	keep[Cycle](t, "cycles")
	keep[Need](t, "needs")
	keep[Order](t, "needorders")
	keep[Case](t, "cases")
	keep[Remark](t, "comments")
	keep[Motion](t, "motions")
	keep[Paper](t, "papers")
	keep[Ballot](t, "ballots")
	keep[Caster](t, "casters")
	keep[Count](t, "counts")
	keep[Note](t, "notes")
	keep[Concern](t, "concerns")
	keep[Review](t, "reviews")
	keep[Seal](t, "seals")
}

// keep holds a value with every field filled against its file, in both directions.
func keep[T any](t *testing.T, collection string) {
	t.Helper()
	var value, back T
	fill(reflect.ValueOf(&value).Elem())
	raw, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "stored", collection+".json")
	if os.Getenv("QUORATE_UPDATE") == "1" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), string(raw)+"\n"); diff != "" {
		t.Errorf("%s is stored otherwise than before (-kept +now):\n%s", collection, diff)
	}
	if err := json.Unmarshal(kept, &back); err != nil {
		t.Fatal(err)
	}
	if again, err := json.MarshalIndent(back, "", " "); err != nil || string(again) != string(raw) {
		t.Errorf("%s read back is %s (%v)", collection, again, err)
	}
}

// fill sets every field of a value, however deep.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(now))
		return
	case tally.Rat:
		v.Set(reflect.ValueOf(tally.Frac(1, 2)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}
