package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/identity"
)

func newAuditReviewCommand(c *cli) *cobra.Command {
	q := audit.Query{Limit: 50}
	var from, to string
	cmd := &cobra.Command{
		Use: "review", Short: "Review the record by who, what, where and when",
		Long: `Review the record: what one person did, what was done in a region, what was refused,
in a span of time. The newest entries come first. Times are as in 2026-03-01 or
2026-03-01T08:00:00Z; --to is not included.`,
		Example: `  quorate audit review --region co --from 2026-03-01 --to 2026-04-01
  quorate audit review --result refused --limit 100`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.From, err = timeOption("--from", from); err != nil {
				return err
			}
			if q.To, err = timeOption("--to", to); err != nil {
				return err
			}
			if q.Limit < 1 || q.Limit > 500 {
				return misuse("--limit is %d", q.Limit).Do("choose 1 to 500").At("--limit")
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[client.RecordPage], error) { return s.Review(cmd.Context(), q) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawReview(p, a.Value) })
		},
	}
	o := cmd.Flags()
	o.StringVar(&q.Who, "who", "", "only what this `ACTOR` did: an id or a name")
	o.StringVar((*string)(&q.Action), "action", "", "only this `ACTION`, such as enablement.turn_off")
	c.regionOption(cmd, &q.Region)
	o.StringVar((*string)(&q.Result), "result", "", "only what was `applied`, proposed or refused")
	o.StringVar((*string)(&q.Role), "role", "", "only what was done by somebody in this `ROLE`")
	o.StringVar((*string)(&q.By), "strength", "", "only what was done with this `PROOF` of who it was: token, host or sign_in")
	o.BoolVar(&q.Emergency, "emergencies", false, "only what was asked for as an emergency")
	o.StringVar(&from, "from", "", "only what was recorded at this `TIME` or later")
	o.StringVar(&to, "to", "", "only what was recorded before this `TIME`")
	o.Int64Var(&q.Before, "before", 0, "only entries before entry `N`, as the page before ends")
	o.IntVar(&q.Limit, "limit", q.Limit, "how many entries, `N` at most 500")
	oneOf(cmd, "action", identity.Actions)
	oneOf(cmd, "role", identity.Roles)
	oneOf(cmd, "strength", []identity.Strength{identity.ByToken, identity.ByHost, identity.BySignIn})
	oneOf(cmd, "result", []audit.Result{audit.Applied, audit.Proposed, audit.Refused})
	return cmd
}

func timeOption(option, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misuse("%s %.40q is no time", option, text).Do("write it as in 2026-03-01 or 2026-03-01T08:00:00Z").At(option)
}

func drawReview(p *page, found client.RecordPage) {
	var rows [][]string
	for _, e := range found.Items {
		index := "-"
		if e.Index != nil {
			index = fmt.Sprint(*e.Index)
		}
		rows = append(rows, []string{index, moment(e.At), string(e.Result), e.Actor.Name, string(e.Action), e.Target.String(), why(e), e.ID})
	}
	p.table("The record has no such entry.", []string{"ENTRY", "WHEN", "RESULT", "WHO", "ACTION", "TARGET", "REASON", "CHANGE"}, rows)
	if found.Next > 0 {
		p.line("Older ones: --before %d", found.Next)
	}
}
