package policy

import (
	"context"
	"time"
)

// maxForecast bounds how many boundaries one forecast visits.
const maxForecast = 64

// Forecast decides the same input at every boundary until a day: what will break,
// and when, if nothing is done. The first decision is that of as_of.
func (e *Engine) Forecast(ctx context.Context, in Input, until Day) []Decision {
	list := []Decision{e.Decide(ctx, in)}
	for len(list) < maxForecast {
		last := list[len(list)-1]
		if last.ValidUntilAt == "" || last.ValidUntil > until {
			break
		}
		at, err := time.Parse(time.RFC3339, last.ValidUntilAt)
		if err != nil {
			break
		}
		in.AsOf = at.Format(time.RFC3339)
		list = append(list, e.Decide(ctx, in))
	}
	return list
}
