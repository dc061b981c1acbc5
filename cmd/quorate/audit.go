package main

import (
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/client"
)

func newAuditCommand(c *cli) *cobra.Command {
	return noun("audit", "The record of what happened: list, review, prove, export, verify",
		`Every change leaves an entry in the record, and so does every request that was
refused: who, in which role, what, when and why.`,
		newAuditListCommand(c), newAuditReviewCommand(c), newAuditShowCommand(c), newAuditProveCommand(c),
		newAuditExportCommand(c), newAuditVerifyCommand(c), newAuditCheckpointCommand(c), newAuditKeyCommand(c))
}

func newAuditListCommand(c *cli) *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest entries of the record", Args: exactly(),
		Long: `List the newest entries of the record, the newest first. With --output json each
also has what it changed, before and after.`,
		Example: `  quorate audit list --limit 5`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 500 {
				return misuse("--limit is %d", limit).Do("choose 1 to 500").At("--limit")
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[api.List[audit.Entry]], error) {
				return s.ListRecord(cmd.Context(), limit)
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, e := range a.Value.Items {
					rows = append(rows, []string{moment(e.At), string(e.Result), e.Actor.Name, string(e.Action), e.Target.String(), why(e)})
				}
				p.table("The record is empty.", []string{"WHEN", "RESULT", "WHO", "ACTION", "TARGET", "REASON"}, rows)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how many entries, `N` at most 500")
	return cmd
}

// why is the reason of a change, or why it was refused.
func why(e audit.Entry) string {
	if e.Refusal == nil {
		return e.Reason
	}
	return strings.TrimPrefix(e.Reason+" -- "+e.Refusal.Message, " -- ")
}

func newOutcomeCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "outcome KEY",
		Short: "Ask what became of a change",
		Long: `Ask whether a change was made, by its idempotency key. A command whose change may or
may not have been made prints the key.`,
		Args: exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := uuid.Parse(args[0]); err != nil {
				return misuse("%.60q is not the key of a change", args[0]).Do("copy it from the message of the command that made it")
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[client.Outcome], error) {
				return s.Outcome(cmd.Context(), args[0])
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				if a.Value.Revision > 0 { // it was made, and perhaps waits
					p.line("%s, at revision %d", a.Value.Says, a.Value.Revision)
					return
				}
				p.line("not applied so far; if that stays so for a minute, give the command again")
			})
		},
	}
}
