package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

func newOfferCommand(c *cli) *cobra.Command {
	return noun("offer", "Offers to the regions: list, show, grant, withdraw",
		`An offer gives every region the right to enable a capability. It turns nothing on.`,
		newOfferListCommand(c), newOfferShowCommand(c), newOfferGrantCommand(c), newOfferWithdrawCommand(c))
}

func newOfferListCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the offers, withdrawn ones included", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Offers, error) { return s.ListOffers(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					state, act := standOf(r.Value)
					rows = append(rows, []string{r.Value.Capability, state, act.At.UTC().Format(time.DateOnly), act.By, act.Reason})
				}
				p.table("Nothing is offered yet; see `quorate offer grant`.", []string{"CAPABILITY", "OFFER", "SINCE", "BY", "REASON"}, rows)
			})
		},
	}
}

// standOf is how an offer stands, and the act that made it so.
func standOf(o flags.Offer) (state string, act flags.Act) {
	if o.Withdrawn != nil {
		return "withdrawn", *o.Withdrawn
	}
	return string(o.Kind), o.Granted
}

func newOfferShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show CAPABILITY", Short: "Show an offer", Args: exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Offer, error) { return s.ShowOffer(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				o := a.Value.Value
				state, _ := standOf(o)
				p.line("%s: %s", o.Capability, state)
				drawAct(p, "Granted", &o.Granted)
				drawAct(p, "Withdrawn", o.Withdrawn)
				p.line("Revision %d.", a.Value.Revision)
			})
		},
	}
}

// drawAct says who did something, when and why.
func drawAct(p *page, what string, a *flags.Act) {
	if a != nil {
		p.prose(what+" by "+a.By+", "+moment(a.At), a.Reason)
	}
}

// moment is a time as tables show it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func newOfferGrantCommand(c *cli) *cobra.Command {
	var why whyOptions
	var under termsOptions
	cmd := &cobra.Command{
		Use:   "grant CAPABILITY --reason TEXT",
		Short: "Offer a capability to every region, or as a pilot",
		Long: `Offer a capability that is ready to every region. Each decides for itself whether
and when to enable it. With --pilot it is offered at the facilities named alone, for
at most a share of people; with --end it ends by itself.`,
		Example: `  quorate offer grant sud_records --reason "The group asked for it in its June meeting"
  quorate offer grant ai_reply --pilot co=co-1 --cap 10 --end 2027-06-30 \
    --hypothesis "Answers come a day sooner" --reason "Try it first"`,
		Args:              exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			kind, terms, err := under.terms(cmd)
			if err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[flags.OfferKind], error) {
				return s.GrantOfferUnder(cmd.Context(), args[0], kind, terms, why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, _ flags.OfferKind) { offeredLine(p, args[0], kind, terms) })
		},
	}
	under.register(cmd)
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}

func newOfferWithdrawCommand(c *cli) *cobra.Command {
	var why whyOptions
	cmd := &cobra.Command{
		Use:               "withdraw CAPABILITY --reason TEXT",
		Short:             "Withdraw an offer; what is on under it goes off",
		Long:              `Withdraw the offer of a capability. Wherever it is on it goes off at once.`,
		Example:           `  quorate offer withdraw third_party_api --reason "The vendor's certificate lapsed"`,
		Args:              exactly("CAPABILITY"),
		ValidArgsFunction: c.offering(1, capabilityNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[string], error) {
				return s.WithdrawOffer(cmd.Context(), args[0], why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, _ string) { p.line("The offer of %s is withdrawn; it is off everywhere.", args[0]) })
		},
	}
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}
