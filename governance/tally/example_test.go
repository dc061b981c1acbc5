package tally_test

import (
	"fmt"

	"github.com/quorate/quorate/governance/tally"
)

// The nine members and three vendors of the package's essay.
func Example() {
	vendors := tally.Profile{
		Alternatives: []tally.Alternative{{Key: "A", Title: "Vendor A"}, {Key: "B", Title: "Vendor B"}, {Key: "C", Title: "Vendor C"}},
		Ballots: []tally.Ballot{
			{Count: 4, Ranks: [][]string{{"A"}, {"B"}, {"C"}}},
			{Count: 3, Ranks: [][]string{{"B"}, {"A"}, {"C"}}},
			{Count: 2, Ranks: [][]string{{"C"}, {"B"}, {"A"}}},
		},
	}
	for _, rule := range []string{"plurality", "schulze"} {
		result, err := tally.Recount(tally.Export{Rule: rule, Profile: vendors})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tally.Sentence(result))
	}
	// Output:
	// Vendor A is chosen. It has 4 (first preferences). The next, Vendor B, has 1 less.
	// Vendor B is chosen. It would win against each of the others alone. The closest is Vendor A: 5 voters prefer the winner to 4.
}
