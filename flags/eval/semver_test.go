package eval_test

import (
	"fmt"
	"testing"

	"github.com/quorate/quorate/flags/eval"
)

func TestSemVer(t *testing.T) {
	for _, c := range []struct {
		a   any
		rel string
		b   any
		// want is "true", "false" or "null".
		want string
	}{
		{"1.0.0", "=", "1.0.0", "true"},
		{"1.0.0", "!=", "1.0.0", "false"},
		{"1.0.0", "<", "1.0.1", "true"},
		{"1.10.0", ">", "1.9.0", "true"},
		{"1.0.0", "<=", "1.0.0", "true"},
		{"1.0.1", ">=", "1.0.2", "false"},
		{"2.0.0", "^", "2.9.9", "true"},
		{"2.0.0", "^", "3.0.0", "false"},
		{"2.1.0", "~", "2.1.9", "true"},
		{"2.1.0", "~", "2.2.0", "false"},
		{"3.1.0", "~", "2.1.0", "false"},
		// v and V, partial versions, numbers
		{"v1.2.3", "=", "V1.2.3", "true"},
		{"1", "=", "1.0.0", "true"},
		{"1.2", "=", "1.2.0", "true"},
		{1.0, "=", "1.0.0", "true"},
		{1.2, ">", "1.1", "true"},
		{10.0, ">", "9", "true"},
		// prereleases are below their release and ordered by semver.org 11.4
		{"1.0.0-alpha", "<", "1.0.0", "true"},
		{"1.0.0-alpha", "<", "1.0.0-alpha.1", "true"},
		{"1.0.0-alpha.1", "<", "1.0.0-alpha.beta", "true"},
		{"1.0.0-alpha.beta", "<", "1.0.0-beta", "true"},
		{"1.0.0-beta.2", "<", "1.0.0-beta.11", "true"},
		{"1.0.0-rc.1", "<", "1.0.0", "true"},
		{"1.0.0-1", "<", "1.0.0-a", "true"},
		{"1.0.0-x-y", "=", "1.0.0-x-y", "true"},
		// build metadata orders nothing
		{"1.0.0+a", "=", "1.0.0+b", "true"},
		{"1.0.0-a+001", "=", "1.0.0-a", "true"},
		// longer than any integer
		{"99999999999999999999.0.0", "<", "100000000000000000000.0.0", "true"},
		// no versions
		{"2.0.0.0", "=", "2.0.0", "null"},
		{"", "=", "1.0.0", "null"},
		{"v", "=", "1.0.0", "null"},
		{"vv1.0.0", "=", "1.0.0", "null"},
		{"01.0.0", "=", "1.0.0", "null"},
		{"1.0.0-", "=", "1.0.0", "null"},
		{"1.0.0-a..b", "=", "1.0.0", "null"},
		{"1.0.0-01", "=", "1.0.0", "null"},
		{"1.0.0+", "=", "1.0.0", "null"},
		{"1.0.0 ", "=", "1.0.0", "null"},
		{"1.2-rc", "=", "1.2.0", "null"},
		{"1.", "=", "1.0.0", "null"},
		{-1.0, "=", "1.0.0", "null"},
		{1e21, "=", "1.0.0", "null"},
		{nil, "=", "1.0.0", "null"},
		{true, "=", "1.0.0", "null"},
		{[]any{"1.0.0"}, "=", "1.0.0", "null"},
		{"1.0.0", "=", nil, "null"},
	} {
		t.Run(fmt.Sprint(c.a, c.rel, c.b), func(t *testing.T) {
			ctx := eval.Context{"a": c.a, "rel": c.rel, "b": c.b}
			fixed := fmt.Sprintf(`{"sem_ver":[{"var":"a"},%q,{"var":"b"}]}`, c.rel)
			if got := evaluate(t, fixed, ctx); got != c.want {
				t.Errorf("gives %s, want %s", got, c.want)
			}
			if got := evaluate(t, `{"sem_ver":[{"var":"a"},{"var":"rel"},{"var":"b"}]}`, ctx); got != c.want {
				t.Errorf("with a computed relation gives %s, want %s", got, c.want)
			}
			if b, ok := c.b.(string); ok {
				constant := fmt.Sprintf(`{"sem_ver":[{"var":"a"},%q,%q]}`, c.rel, b)
				if got := evaluate(t, constant, ctx); got != c.want {
					t.Errorf("with a constant gives %s, want %s", got, c.want)
				}
			}
		})
	}
	if got := evaluate(t, `{"sem_ver":["1.0.0",{"var":"rel"},"1.0.0"]}`, eval.Context{"rel": "=="}); got != "null" {
		t.Errorf("an unknown relation gives %s", got)
	}
}
