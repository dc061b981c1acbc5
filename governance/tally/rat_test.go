package tally

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// drawInt draws whole numbers that are small, or at the edges of what fits.
func drawInt(t *rapid.T, name string) int64 {
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -1, 1, 2, 3, 1 << 31, 1<<31 - 1, 1 << 32, math.MaxInt64 - 1, math.MaxInt64}
	return rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64Range(-12, 12), rapid.Int64()).Draw(t, name)
}

// TestRatIsExact compares the fast path with math/big, also where it overflows.
func TestRatIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c, d := drawInt(t, "a"), drawInt(t, "b"), drawInt(t, "c"), drawInt(t, "d")
		if b == 0 || d == 0 {
			t.Skip("a fraction has no denominator of 0")
		}
		big2 := func(p, q int64) *big.Rat { return new(big.Rat).SetFrac(big.NewInt(p), big.NewInt(q)) }
		x, y, bx, by := Frac(a, b), Frac(c, d), big2(a, b), big2(c, d)
		for _, op := range []struct {
			name string
			got  Rat
			want *big.Rat
		}{
			{"+", x.Add(y), new(big.Rat).Add(bx, by)},
			{"-", x.Sub(y), new(big.Rat).Sub(bx, by)},
			{"*", x.Mul(y), new(big.Rat).Mul(bx, by)},
		} {
			if op.got.view().Cmp(op.want) != 0 || op.got.String() != op.want.RatString() {
				t.Fatalf("%s %s %s = %s, want %s", x, op.name, y, op.got, op.want.RatString())
			}
		}
		if y.Sign() != 0 && x.Quo(y).view().Cmp(new(big.Rat).Quo(bx, by)) != 0 {
			t.Fatalf("%s / %s = %s", x, y, x.Quo(y))
		}
		if got, want := x.Cmp(y), bx.Cmp(by); got != want {
			t.Fatalf("%s compared with %s: %d, want %d", x, y, got, want)
		}
		if f := x.Floor(); !f.IsInt() || x.Less(f) || !x.Less(f.Add(Int(1))) {
			t.Fatalf("floor of %s = %s", x, f)
		}
	})
}

func TestRatText(t *testing.T) {
	for in, want := range map[string]string{
		`"7/2"`: "7/2", `"14/4"`: "7/2", `3`: "3", `2.50`: "5/2", `"-0.5"`: "-1/2", `null`: "0",
		`"9223372036854775808"`: "9223372036854775808",
	} {
		var got Rat
		if err := json.Unmarshal([]byte(in), &got); err != nil || got.String() != want {
			t.Errorf("%s reads as %s (%v), want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`"1e9"`, `1e9`, `"1/0"`, `""`, `"a"`, `"1/2/3"`, `"\u0031"`, `true`} {
		var got Rat
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s reads as %s; want an error", in, got)
		}
	}
	for places, want := range map[int]string{0: "3", 2: "2.67", 4: "2.6667"} {
		if got := Frac(8, 3).Decimal(places); got != want {
			t.Errorf("8/3 to %d places = %s, want %s", places, got, want)
		}
	}
}
