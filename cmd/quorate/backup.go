package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
)

func newBackupCommand(c *cli) *cobra.Command {
	var reason, key string
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Back up the server's store and record to a file, and verify it",
		Long: `Back up the server's store and its record to a file: a snapshot of the store, the
sealed parts of the record, and a manifest signed with the key that signs the record.
The file is a tar, of mode 0600; it is verified as it stands on the disk before the
command succeeds. That it was made stands in the record.

Keep it as safe as the server: whoever has it has everything that the store holds,
hashes of tokens and sealed ballots included. The signing key, audit-key in the
server's data directory, is not in it: keep a copy of that elsewhere.`,
		Example: `  quorate backup nightly.tar
  quorate backup nightly.tar --key quorate/6b1f…+04266b54+AYqI…`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := trustedKey(key)
			if err != nil {
				return err
			}
			m, err := c.backUp(cmd.Context(), args[0], reason, trusted)
			if err != nil {
				return err
			}
			return c.show(m, nil, func(p *page) {
				p.line("%s holds the store up to revision %d and the %d entries of the record, in %d files.", args[0], m.Revision, m.Size, m.Files)
				p.line("Signed with the key %s. Keep a copy of audit-key elsewhere: it is not in the file.", m.KeyID)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	cmd.Flags().StringVar(&key, "key", "", "`KEY` that must have signed, as `audit key` prints it")
	return cmd
}

func trustedKey(key string) (ed25519.PublicKey, error) {
	if key == "" {
		return nil, nil
	}
	return audit.ParseVerifierKey(key)
}

// backUp writes the file whole or not at all.
func (c *cli) backUp(ctx context.Context, name, reason string, key ed25519.PublicKey) (m audit.Manifest, err error) {
	server, err := c.server()
	if err != nil {
		return m, err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".backup-*") // of mode 0600
	if err != nil {
		return m, misuse("the file %s cannot be written: %v", name, plainCause(err)).Do("choose another")
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has its name by then, unless something failed
	if err := server.Backup(ctx, reason, f); err != nil {
		return m, errors.Join(err, f.Close())
	}
	if err = f.Sync(); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return m, errors.Join(fault.New(fault.Internal, "cannot_write", "the file %s cannot be written: %v", name, plainCause(err)).Do("look at the disk"), f.Close())
	}
	m, err = audit.ReadBackup(f, key, func(string, int64, io.Reader) error { return nil })
	if err = errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	return m, os.Rename(f.Name(), name)
}
