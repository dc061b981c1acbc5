package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/policy"
)

func newWaiverCommand(c *cli) *cobra.Command {
	return noun("waiver", "Exceptions from a rule: list, show, grant, revoke",
		`A waiver is an exception that the organization makes for itself, for one rule, one
capability and one jurisdiction, for a time. The rule says who may waive it; many let
nobody. It is looked at again whenever it is read.`,
		newWaiverListCommand(c), newWaiverShowCommand(c), newWaiverGrantCommand(c), newWaiverRevokeCommand(c))
}

func newWaiverListCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the waivers on file, revoked included", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Waivers, error) { return s.ListWaivers(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					w := r.Value
					rows = append(rows, []string{w.ID, ended(w.Expires, w.Revoked), w.RuleID, w.Jurisdiction, w.Capability, w.GrantedBy, w.Reason})
				}
				p.table("There are no waivers.", []string{"WAIVER", "UNTIL", "RULE", "WHERE", "CAPABILITY", "BY", "REASON"}, rows)
			})
		},
	}
}

func newWaiverShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show WAIVER", Short: "Show a waiver", Args: exactly("WAIVER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[policy.Stored[policy.GrantedWaiver]], error) {
				return s.ShowWaiver(cmd.Context(), args[0])
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawWaiver(p, a.Value.Value) })
		},
	}
}

func drawWaiver(p *page, w policy.GrantedWaiver) {
	p.line("%s: %s is waived for %s in %s, until %s", w.ID, w.RuleID, w.Capability, w.Jurisdiction, ended(w.Expires, w.Revoked))
	p.pairs([2]string{"Class", w.Class}, [2]string{"From", w.Issued}, [2]string{"Granted by", w.GrantedBy}, [2]string{"Reason", w.Reason},
		[2]string{"Rests on", w.Evidence})
}

func newWaiverGrantCommand(c *cli) *cobra.Command {
	var r policy.WaiverRequest
	var why whyOptions
	var expires, issued string
	cmd := &cobra.Command{
		Use:   "grant RULE --jurisdiction PLACE --capability CAPABILITY --expires DAY --reason TEXT",
		Short: "Grant a waiver",
		Long: `Waive one rule for one capability in one jurisdiction, for at most 180 days. A rule that
nobody can waive stays so, whoever asks.`,
		Example: `  quorate waiver grant FED-1557-DECISION-TOOLS --jurisdiction US-CO --capability ai_triage \
    --expires 2027-03-31 --reason "The review is under way"`,
		Args: exactly("RULE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "jurisdiction", "capability", "expires", "reason"); err != nil {
				return err
			}
			r.RuleID, r.Issued, r.Expires = args[0], policy.Day(issued), policy.Day(expires)
			w, err := ask(c, func(s *client.Client) (client.Written[policy.GrantedWaiver], error) {
				return s.GrantWaiver(cmd.Context(), r, why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawWaiver)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Jurisdiction, "jurisdiction", "", "the `PLACE`, such as US-CO")
	f.StringVar(&r.Capability, "capability", "", "the `CAPABILITY`")
	f.StringVar(&r.Class, "class", "risk", "`CLASS` of the exception; only risk is kept on file")
	f.StringVar(&issued, "issued", "", "first `DAY`; none: today there")
	f.StringVar(&expires, "expires", "", "first `DAY` on which it no longer holds")
	f.StringVar(&r.Evidence, "evidence", "", "`TEXT` that says what it rests on")
	why.register(cmd)
	return cmd
}

func newWaiverRevokeCommand(c *cli) *cobra.Command {
	var why whyOptions
	cmd := &cobra.Command{
		Use: "revoke WAIVER --reason TEXT", Short: "End a waiver at once", Args: exactly("WAIVER"),
		Long:    `End a waiver. What rested on it is off at once.`,
		Example: `  quorate waiver revoke wv-0123456789ab --reason "The review is done"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[policy.GrantedWaiver], error) {
				return s.RevokeWaiver(cmd.Context(), args[0], why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawWaiver)
		},
	}
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}
