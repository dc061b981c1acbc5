package tally

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// Rat is an exact rational number: a weight, a number of votes, an amount of
// money. It is a value; its zero value is 0; no operation changes its operands.
// In JSON and text it is "p" or "p/q" in lowest terms.
//
// Numbers whose numerator and denominator fit in 63 bits, which is nearly all
// of them, are kept as two integers; the others fall back to [math/big].
type Rat struct {
	num  int64
	less int64    // denominator less one, so that the zero value is 0/1
	big  *big.Rat // set only if the number does not fit; never changed
}

// Int returns the whole number n.
func Int(n int64) Rat { return Rat{num: n} }

// Frac returns p/q in lowest terms. It panics if q is 0, as integer division
// does.
func Frac(p, q int64) Rat {
	if q == 0 {
		panic("tally: fraction with denominator 0")
	}
	if p == math.MinInt64 || q == math.MinInt64 {
		return fromBig(new(big.Rat).SetFrac(big.NewInt(p), big.NewInt(q)))
	}
	if q < 0 {
		p, q = -p, -q
	}
	if g := gcd(abs64(p), q); g > 1 {
		p, q = p/g, q/g
	}
	return Rat{num: p, less: q - 1}
}

// ParseRat reads "3", "7/2" or "2.35"; a sign is allowed, an exponent is not.
func ParseRat(s string) (Rat, error) {
	if s == "" || len(s) > maxRatText || strings.Trim(s, "+-0123456789./") != "" {
		return Rat{}, fmt.Errorf("not a number: %.40q (want 3, 7/2 or 2.35)", s)
	}
	b, ok := new(big.Rat).SetString(s)
	if !ok {
		return Rat{}, fmt.Errorf("not a number: %.40q (want 3, 7/2 or 2.35)", s)
	}
	return fromBig(b), nil
}

// maxRatText bounds what ParseRat reads, because the cost of reading a number
// grows faster than its length.
const maxRatText = 1000

func fromBig(b *big.Rat) Rat {
	if b.Num().IsInt64() && b.Denom().IsInt64() && b.Num().Int64() != math.MinInt64 {
		return Rat{num: b.Num().Int64(), less: b.Denom().Int64() - 1}
	}
	return Rat{big: b}
}

func (x Rat) den() int64 { return x.less + 1 }

// Big returns x as a [big.Rat] that the caller may change.
func (x Rat) Big() *big.Rat {
	if x.big != nil {
		return new(big.Rat).Set(x.big)
	}
	return big.NewRat(x.num, x.den())
}

// view is Big for reading only: it may share memory with x.
func (x Rat) view() *big.Rat {
	if x.big != nil {
		return x.big
	}
	return big.NewRat(x.num, x.den())
}

// Add returns x + y.
func (x Rat) Add(y Rat) Rat {
	if x.big == nil && y.big == nil {
		if x.less == 0 && y.less == 0 {
			if s := x.num + y.num; (s > x.num) == (y.num > 0) && s != math.MinInt64 {
				return Rat{num: s}
			}
		} else if z, ok := addSmall(x, y); ok {
			return z
		}
	}
	return fromBig(new(big.Rat).Add(x.view(), y.view()))
}

func addSmall(x, y Rat) (Rat, bool) {
	g := gcd(x.den(), y.den())
	a, ok1 := mul64(x.num, y.den()/g)
	b, ok2 := mul64(y.num, x.den()/g)
	d, ok3 := mul64(x.den(), y.den()/g)
	s := a + b
	if !ok1 || !ok2 || !ok3 || (s > a) != (b > 0) || s == math.MinInt64 {
		return Rat{}, false
	}
	return Frac(s, d), true
}

// Neg returns -x.
func (x Rat) Neg() Rat {
	if x.big != nil {
		return fromBig(new(big.Rat).Neg(x.big))
	}
	return Rat{num: -x.num, less: x.less}
}

// Sub returns x - y.
func (x Rat) Sub(y Rat) Rat { return x.Add(y.Neg()) }

// Mul returns x * y.
func (x Rat) Mul(y Rat) Rat {
	if x.big == nil && y.big == nil {
		g, h := gcd(abs64(x.num), y.den()), gcd(abs64(y.num), x.den())
		n, ok1 := mul64(x.num/g, y.num/h)
		d, ok2 := mul64(x.den()/h, y.den()/g)
		if ok1 && ok2 {
			return Rat{num: n, less: d - 1}
		}
	}
	return fromBig(new(big.Rat).Mul(x.view(), y.view()))
}

// Quo returns x / y. It panics if y is 0.
func (x Rat) Quo(y Rat) Rat { return x.Mul(y.inv()) }

func (x Rat) inv() Rat {
	if x.Sign() == 0 {
		panic("tally: division by 0")
	}
	if x.big != nil {
		return fromBig(new(big.Rat).Inv(x.big))
	}
	return Frac(x.den(), x.num)
}

// Cmp returns -1, 0 or +1 as x is less than, equal to or greater than y.
func (x Rat) Cmp(y Rat) int {
	if x.big == nil && y.big == nil {
		if x.less == y.less {
			return cmp64(x.num, y.num)
		}
		a, ok1 := mul64(x.num, y.den())
		b, ok2 := mul64(y.num, x.den())
		if ok1 && ok2 {
			return cmp64(a, b)
		}
	}
	return x.view().Cmp(y.view())
}

// Equal reports whether x = y.
func (x Rat) Equal(y Rat) bool { return x.Cmp(y) == 0 }

// Less reports whether x < y.
func (x Rat) Less(y Rat) bool { return x.Cmp(y) < 0 }

// Min returns the smaller of x and y.
func (x Rat) Min(y Rat) Rat {
	if y.Less(x) {
		return y
	}
	return x
}

// Sign returns -1, 0 or +1.
func (x Rat) Sign() int {
	if x.big != nil {
		return x.big.Sign()
	}
	return cmp64(x.num, 0)
}

// IsZero reports whether x is 0.
func (x Rat) IsZero() bool { return x.Sign() == 0 }

// IsInt reports whether x is a whole number.
func (x Rat) IsInt() bool {
	if x.big != nil {
		return x.big.IsInt()
	}
	return x.less == 0
}

// Floor returns the greatest whole number not above x.
func (x Rat) Floor() Rat {
	if x.IsInt() {
		return x
	}
	b := x.view()
	return fromBig(new(big.Rat).SetInt(new(big.Int).Div(b.Num(), b.Denom())))
}

// String returns "p" or "p/q" in lowest terms.
func (x Rat) String() string {
	if x.big != nil {
		return x.big.RatString()
	}
	if x.less == 0 {
		return fmt.Sprint(x.num)
	}
	return fmt.Sprintf("%d/%d", x.num, x.den())
}

// Decimal returns x for people: whole numbers as they are, others rounded to
// at most the given number of places, without trailing zeros. It is for
// display; no decision may depend on it.
func (x Rat) Decimal(places int) string {
	if x.IsInt() {
		return x.String()
	}
	s := strings.TrimRight(x.view().FloatString(places), "0")
	s = strings.TrimSuffix(s, ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// MarshalText writes x as [Rat.String] does.
func (x Rat) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText reads what [ParseRat] reads.
func (x *Rat) UnmarshalText(b []byte) (err error) {
	*x, err = ParseRat(string(b))
	return err
}

// UnmarshalJSON reads a string, or a bare number such as 3 or 2.5.
func (x *Rat) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if len(b) >= 2 && b[0] == '"' {
		if bytes.IndexByte(b, '\\') >= 0 {
			return errors.New("a number has no escapes")
		}
		b = b[1 : len(b)-1]
	}
	return x.UnmarshalText(b)
}

func cmp64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func abs64(a int64) int64 {
	if a < 0 {
		return -a
	}
	return a
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, 1)
}

// mul64 returns a*b and whether it fits; neither may be the least int64.
func mul64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(abs64(a)), uint64(abs64(b)))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}
