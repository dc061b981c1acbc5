package tally

import (
	"math/big"
	"slices"
)

// javaDraw draws ties as the tabulator RCTab does, so that its published
// counts can be repeated: sort the tied names, take the one at
// floor(nextDouble * n) of java.util.Random. That generator is documented as a
// linear congruential one of 48 bits.
func javaDraw(seed int64) func([]string) string {
	const mask = 1<<48 - 1
	state := (uint64(seed) ^ 0x5DEECE66D) & mask
	bits := func(n uint) uint64 {
		state = (state*0x5DEECE66D + 0xB) & mask
		return state >> (48 - n)
	}
	return func(tied []string) string {
		names := slices.Clone(tied)
		slices.Sort(names)
		double := bits(26)<<27 + bits(27) // the fraction's numerator over 2^53
		at := new(big.Int).Mul(new(big.Int).SetUint64(double), big.NewInt(int64(len(names))))
		return names[at.Rsh(at, 53).Int64()]
	}
}
