package tally

import "errors"

// seatRules fill several seats.
func seatRules() []rule {
	return []rule{
		{"irv", 1, func(e Export) (Result, error) {
			var rules RCTabRules
			if e.RCTab != nil {
				rules = *e.RCTab
			}
			return RCTab(e.Profile, e.Seats, rules)
		}},
		{"stv_rctab", 1, func(e Export) (Result, error) {
			if e.RCTab == nil {
				return Result{}, errors.New("the export has no rctab object")
			}
			return RCTab(e.Profile, e.Seats, *e.RCTab)
		}},
		{"stv_scottish", 1, func(e Export) (Result, error) { return STVScottish(e.Profile, max(e.Seats, 1)) }},
		{"stv_wigm_prf", 1, func(e Export) (Result, error) { return STVWIGM(e.Profile, max(e.Seats, 1)) }},
		{"stv_wigm_exact", 1, func(e Export) (Result, error) { return STVExact(e.Profile, max(e.Seats, 1)) }},
		{"stv_meek", 1, func(e Export) (Result, error) { return STVMeek(e.Profile, max(e.Seats, 1)) }},
		{"stv_meek_exact", 1, func(e Export) (Result, error) { return STVMeekExact(e.Profile, max(e.Seats, 1)) }},
	}
}
