package main

import (
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/server"
)

func newRestoreCommand(c *cli) *cobra.Command {
	var dataDir, key, keyFile string
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Make a data directory from a backup",
		Long: `Make the data directory of a server from a backup, which is verified first. The
directory must be empty or not there. Nothing of the backup is used if any of it
does not hold.

A server that is started on it refuses to serve until somebody accepts, on the
record, that what came after the backup is lost: start it once with
--accept-restore REASON. Revisions go on far behind those of the backup, so that
none is used twice; sign-ins are over; tokens that were revoked after the backup
was made must be revoked again.`,
		Example: `  quorate restore nightly.tar --data-dir /var/lib/quorate --audit-key audit-key.copy
  quorate serve --data-dir /var/lib/quorate --accept-restore "the disk is gone"`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "data-dir"); err != nil {
				return err
			}
			trusted, err := trustedKey(key)
			if err != nil {
				return err
			}
			done, err := server.Restore(cmd.Context(), server.Restoration{Backup: args[0], DataDir: dataDir, Key: trusted, KeyFile: keyFile, Now: c.now})
			if err != nil {
				return err
			}
			return c.show(done, nil, func(p *page) { drawRestored(p, dataDir, done) })
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "`DIRECTORY` to make; empty, or not there")
	cmd.Flags().StringVar(&key, "key", "", "`KEY` that must have signed, as `audit key` prints it")
	cmd.Flags().StringVar(&keyFile, "audit-key", "", "`FILE` with the copy of audit-key, to put beside the store")
	cmd.AddCommand(newRestoreAcceptCommand(c), newRestoreLostCommand(c))
	return cmd
}

func drawRestored(p *page, dir string, done server.Restored) {
	p.line("%s is as the server was at %s: revision %d, %d entries of the record.", dir, moment(done.Made), done.Revision, done.Size)
	if !done.KeyTrusted {
		p.line("The key %s that signed it is the one that it names. Give --key to be sure that it is the server's.", done.KeyID)
	}
	if done.NeedsKey {
		p.line("Copy audit-key to %s before the server starts: without it the record cannot be continued.", dir)
	}
	p.line("Start it once with --accept-restore REASON; until then it serves nothing.")
}

func newRestoreAcceptCommand(c *cli) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "accept", Short: "Accept a restored store, and with it what was lost",
		Long: `Accept, on the record, that the store of a running server was restored from a backup
and that what came after the backup is lost. It is for an operator who signed in
within the last five minutes, before the store was replaced: nobody can sign in while
it is refused. A server that was started on a restored store serves nobody who could
say this: start it once with --accept-restore REASON instead.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[client.Life], error) {
				return s.AcceptRestore(cmd.Context(), reason)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, life client.Life) { p.line("Accepted. The store is in its epoch %d.", life.Epoch) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	return cmd
}

// A lost receipt is of a change that an export does not have.
type lostReceipts struct {
	Asked int      `json:"asked"`
	Lost  []string `json:"lost" nullable:"false"`
}

func newRestoreLostCommand(c *cli) *cobra.Command {
	var receipts, key string
	cmd := &cobra.Command{
		Use: "lost EXPORT", Short: "Name the changes that an export lacks, by their receipts",
		Long: `Name, offline, the changes that are not in an export of the record, by the receipts
that those who made them kept: any text that has their keys,
such as what the commands printed.
How many entries were lost in all, audit verify --checkpoint tells, with a checkpoint
that somebody kept.`,
		Example: `  quorate restore lost record-2026.txt --receipts receipts.txt`,
		Args:    exactly("EXPORT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "receipts"); err != nil {
				return err
			}
			raw, err := c.readFile("--receipts", receipts)
			if err != nil {
				return err
			}
			trusted, err := trustedKey(key)
			if err != nil {
				return err
			}
			asked := receiptKeys(raw)
			found := map[string]bool{}
			if _, err := verifyFile(args[0], audit.Trust{Key: trusted, Each: func(e audit.Entry) { found[e.ID] = found[e.ID] || e.Result != audit.Refused }}); err != nil {
				return err
			}
			out := lostReceipts{Asked: len(asked), Lost: []string{}}
			for _, k := range asked {
				if !found[k] {
					out.Lost = append(out.Lost, k)
				}
			}
			return c.show(out, nil, func(p *page) {
				for _, k := range out.Lost {
					p.line("lost  %s", k)
				}
				p.line("%d of %d changes are not in the record.", len(out.Lost), out.Asked)
			})
		},
	}
	cmd.Flags().StringVar(&receipts, "receipts", "", "`FILE` that has the keys of changes; - is standard input")
	cmd.Flags().StringVar(&key, "key", "", "`KEY` that must have signed the export")
	return cmd
}

// changeKey is how the key of a change looks.
var changeKey = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`)

// receiptKeys finds the keys of changes in whatever they were printed with.
func receiptKeys(raw []byte) (keys []string) {
	for _, k := range changeKey.FindAllString(string(raw), -1) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}
