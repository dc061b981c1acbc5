package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
)

func newAuditKeyReplaceCommand(c *cli) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "replace", Short: "Have another key sign the record from now on",
		Long: `Have the server make a new key that signs the record from now on. An entry of the
record, the last that the old key signs, says so, and both keys have signed it: audit
verify --key OLD finds the new one by itself. It is for an operator who has just
signed in.

The server that answers has the new key, in its data directory: copy audit-key to the
other servers, and to where you keep the copy. The old one stays beside it, with its
name behind: backups that were made before need it.

If the old key was stolen, replacing it does not undo what the thief can sign: see
the documentation of the record.`,
		Example: `  quorate audit key replace --reason "the yearly replacement"`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[client.KeyReplacement], error) {
				return s.ReplaceRecordKey(cmd.Context(), reason)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, r client.KeyReplacement) {
				p.line("The key %s signs in place of %s, from the entry of this change on.", r.New, r.Old)
				p.line("Copy audit-key from the data directory of %s to the other servers, and keep a copy elsewhere.", r.Server)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	return cmd
}
