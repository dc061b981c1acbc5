package tally

import (
	"errors"
	"fmt"
)

// seatRules fill several seats.
func seatRules() []rule {
	seats := func(f func(Profile, int) (Result, error)) func(Export) (Result, error) {
		return func(e Export) (Result, error) { return f(e.Profile, max(e.Seats, 1)) }
	}
	shares := func(c Completion) func(Export) (Result, error) {
		return func(e Export) (Result, error) { return EqualSharesCommittee(e.Profile, max(e.Seats, 1), c) }
	}
	return []rule{
		{"irv", 1, func(e Export) (Result, error) {
			if e.RCTab != nil {
				return RCTab(e.Profile, e.Seats, *e.RCTab)
			}
			if e.Seats > 1 {
				return Result{}, fmt.Errorf("%d seats: an instant runoff fills one", e.Seats)
			}
			return IRV(e.Profile)
		}},
		{"stv_rctab", 1, func(e Export) (Result, error) {
			if e.RCTab == nil {
				return Result{}, errors.New("the export has no rctab object")
			}
			return RCTab(e.Profile, e.Seats, *e.RCTab)
		}},
		{"stv_scottish", 1, seats(STVScottish)},
		{"stv_wigm_prf", 1, seats(STVWIGM)},
		{"stv_wigm_exact", 1, seats(STVExact)},
		{"stv_meek", 1, seats(STVMeek)},
		{"stv_meek_exact", 1, seats(STVMeekExact)},
		{"phragmen", 1, seats(Phragmen)},
		{"seq_pav", 1, seats(SeqPAV)},
		{"pav", 1, seats(PAV)},
		{"equal_shares_committee", 1, shares(CompleteByPhragmen)},
		{"equal_shares_committee_approval", 1, shares(CompleteByApproval)},
		{"equal_shares_committee_increment", 1, shares(CompleteByIncrement)},
		{"equal_shares_committee_partial", 1, shares(CompleteNot)},
	}
}
