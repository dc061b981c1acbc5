package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
)

func newNeedCommand(c *cli) *cobra.Command {
	return noun("need", "What regions and contributors want: list, show, raise, rank, answer",
		`A need is what a region or a contributor wants of the year. Each region puts them in its
own order. Every need ends answered, with how, or not, with why. A region that says
yes-if to an offer raises what it needs first.`,
		newNeedListCommand(c), newNeedShowCommand(c), newNeedRaiseCommand(c), newNeedRankCommand(c), newNeedOrdersCommand(c),
		newNeedActCommand(c, "sponsor", "Stand behind a need, too", "The need %[1]s has your support."),
		newNeedMergeCommand(c), newNeedAnswerCommand(c),
		newNeedActCommand(c, "withdraw", "Withdraw your own need", "The need %[1]s is withdrawn."))
}

func newNeedListCommand(c *cli) *cobra.Command {
	var cycle, region string
	return newListingCommand(c, listing[governance.Need]{use: "list", short: "List the needs",
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&cycle, "cycle", "", "only those of this `CYCLE`")
			c.regionOption(cmd, &region)
		},
		get: func(ctx context.Context, s *client.Client, _ []string) (client.GovernanceList[governance.Need], error) {
			return s.ListNeeds(ctx)
		},
		keep: func(n governance.Need) bool {
			return (cycle == "" || n.Cycle == cycle) && (region == "" || n.Region == region)
		},
		none: "There are no needs yet; see `quorate need raise`.", heading: []string{"NEED", "CYCLE", "REGION", "STATE", "BEHIND IT", "TITLE"},
		row: func(n governance.Need) []string {
			return []string{n.ID, n.Cycle, orAll(n.Region), string(n.State), fmt.Sprint(1 + len(n.Sponsors)), n.Title}
		}})
}

func newNeedShowCommand(c *cli) *cobra.Command {
	return newShowingCommand(c, showing[api.Stored[governance.Need]]{use: "show NEED", short: "Show a need, and what became of it", args: []string{"NEED"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.GovernanceRecord[governance.Need], error) {
			return s.ShowNeed(ctx, args[0])
		},
		draw: func(p *page, r api.Stored[governance.Need]) { drawNeed(p, r.Value) }})
}

func drawNeed(p *page, n governance.Need) {
	p.line("%s: %s", n.ID, n.Title)
	p.prose("Region "+orAll(n.Region)+", cycle "+n.Cycle, n.Text)
	p.pairs([2]string{"State", string(n.State)}, [2]string{"Yes, if", n.YesIf}, [2]string{"Merged into", n.Into}, [2]string{"Answered by", strings.Join(n.Cases, ", ")})
	drawDeed(p, "Raised", &n.Raised)
	for _, s := range n.Sponsors {
		drawDeed(p, "Sponsored", &s)
	}
	drawDeed(p, "Ended", n.Ended)
}

func newNeedRaiseCommand(c *cli) *cobra.Command {
	var n governance.Need
	return newActCommand(c, act[string]{use: "raise --cycle CYCLE --title TEXT --text TEXT [--region REGION]", short: "Raise a need, or say yes-if to an offer",
		long: `Raise a need, of a region or of none. With --yes-if it is a region's answer to an
offer: it would enable the capability if the need were met.`,
		example: `  quorate need raise --cycle 2027 --region hi --title "Refills by mail" \
    --text "Members on the outer islands wait for a flight"
  quorate need raise --cycle 2027 --region hi --yes-if rx_refill \
    --title "Pharmacists are paid for it" --text "They are not, here"`,
		wants: []string{"cycle", "title", "text"},
		options: func(cmd *cobra.Command) {
			f := cmd.Flags()
			f.StringVar(&n.Cycle, "cycle", "", "the `CYCLE`, such as 2027")
			c.regionOption(cmd, &n.Region)
			f.StringVar(&n.Title, "title", "", "`TEXT` of a few words")
			f.StringVar(&n.Text, "text", "", "`TEXT` that says what is wanted, and for whom")
			f.StringVar(&n.YesIf, "yes-if", "", "the `CAPABILITY` that the region would enable")
			offer(cmd, "yes-if", c.offering(anywhere, capabilityNames))
		},
		do: func(ctx context.Context, s *client.Client, _ []string, why client.Why) (client.Written[string], error) {
			return s.RaiseNeed(ctx, n, why)
		},
		says: made("The need %s is raised.")})
}

func newNeedRankCommand(c *cli) *cobra.Command {
	var o governance.Order
	return newActCommand(c, act[governance.Order]{use: "rank --cycle CYCLE --region REGION --needs NEED,…", short: "Put the needs in your region's order",
		long:    `Put the needs of a cycle in the order of a region, the most wanted first.`,
		example: `  quorate need rank --cycle 2027 --region co --needs n-0123456789ab,n-ba9876543210`,
		wants:   []string{"cycle", "region", "needs"},
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&o.Cycle, "cycle", "", "the `CYCLE`, such as 2027")
			c.regionOption(cmd, &o.Region)
			cmd.Flags().StringSliceVar(&o.Needs, "needs", nil, "`NEED,…`, the most wanted first")
		},
		do: func(ctx context.Context, s *client.Client, _ []string, why client.Why) (client.Written[governance.Order], error) {
			return s.RankNeeds(ctx, o, why)
		},
		says: func(p *page, _ []string, o governance.Order) {
			p.line("%s has put %s in its order.", o.Region, count(len(o.Needs), "need"))
		}})
}

func newNeedOrdersCommand(c *cli) *cobra.Command {
	return newListingCommand(c, listing[governance.Order]{use: "orders CYCLE", short: "Show how each region has ordered the needs", args: []string{"CYCLE"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.GovernanceList[governance.Order], error) {
			return s.ListOrders(ctx, args[0])
		},
		none: "No region has put them in its order yet.", heading: []string{"REGION", "NEEDS, THE MOST WANTED FIRST"},
		row: func(o governance.Order) []string { return []string{o.Region, strings.Join(o.Needs, " ")} }})
}

// newNeedActCommand makes a verb that takes a need and a reason.
func newNeedActCommand(c *cli, verb, short, says string) *cobra.Command {
	return newActCommand(c, act[string]{use: verb + " NEED --reason TEXT", short: short, args: []string{"NEED"}, wants: []string{"reason"},
		example: "  quorate need " + verb + ` n-0123456789ab --reason "As agreed in the region's meeting"`,
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.OnNeed(ctx, args[0], verb, nil, why)
		},
		says: saying(says)})
}

func newNeedMergeCommand(c *cli) *cobra.Command {
	var into string
	return newActCommand(c, act[string]{use: "merge NEED --into NEED --reason TEXT", short: "Let another need stand for this one", args: []string{"NEED"}, wants: []string{"into", "reason"},
		example: `  quorate need merge n-0123456789ab --into n-ba9876543210 --reason "Two regions want the same"`,
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&into, "into", "", "the `NEED` that stands for it")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.OnNeed(ctx, args[0], "merge", map[string]any{"into": into}, why)
		},
		says: func(p *page, args []string, into string) { p.line("%s stands for %s.", into, args[0]) }})
}

func newNeedAnswerCommand(c *cli) *cobra.Command {
	var by []string
	return newActCommand(c, act[string]{use: "answer NEED [--case CASE,…] --reason TEXT", short: "End a need: by cases, or with the reason why not", args: []string{"NEED"}, wants: []string{"reason"},
		long: `End a need. With --case it is answered by those business cases; without, the reason says
why it is not.`,
		example: `  quorate need answer n-0123456789ab --case refills --reason "Funded in this year's portfolio"
  quorate need answer n-0123456789ab --reason "The ledger cannot carry it before 2029"`,
		options: func(cmd *cobra.Command) {
			cmd.Flags().StringSliceVar(&by, "case", nil, "`CASE,…` that answer it")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
			return s.OnNeed(ctx, args[0], "answer", map[string]any{"cases": by}, why)
		},
		says: func(p *page, args []string, _ string) {
			if len(by) == 0 {
				p.line("The need %s is declined.", args[0])
				return
			}
			p.line("The need %s is answered by %s.", args[0], strings.Join(by, ", "))
		}})
}
