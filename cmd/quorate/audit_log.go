package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

func newAuditExportCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "export FILE", Short: "Write the whole record to a file, and verify it",
		Long: `Write the whole record to a file that anybody can verify, with or without Quorate:
every entry in its order, the hashes, the signed checkpoint, and a description of
the format. The file is verified as it is on the disk before the command succeeds.

The record says who decided what; keep the file where only auditors read it.`,
		Example: `  quorate audit export record-2026.txt`,
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := c.server()
			if err != nil {
				return err
			}
			if err := c.keep(cmd.Context(), server); err != nil {
				return err
			}
			if err := exportTo(cmd.Context(), args[0], server.RecordLog()); err != nil {
				return err
			}
			v, err := verifyFile(args[0], audit.Trust{})
			if err != nil {
				return err
			}
			return c.show(v, nil, func(p *page) {
				p.line("%s holds the %d entries of the record, and they are true.", args[0], v.Size)
				p.line("Signed with the key %s. Keep a checkpoint elsewhere: `quorate audit checkpoint`.", v.KeyID)
			})
		},
	}
}

// exportTo writes the file whole or not at all.
func exportTo(ctx context.Context, name string, from audit.Source) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".export-*")
	if err != nil {
		return misuse("the file %s cannot be written: %v", name, plainCause(err)).Do("choose another")
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has its name by then, unless something failed
	if _, err := audit.Export(ctx, f, from); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fault.New(fault.Internal, "cannot_write", "the file %s cannot be written: %v", name, plainCause(err)).Do("look at the disk")
	}
	return os.Rename(f.Name(), name)
}

func verifyFile(name string, trust audit.Trust) (audit.Verdict, error) {
	f, err := os.Open(name)
	if err != nil {
		return audit.Verdict{}, misuse("the file %s cannot be read: %v", name, plainCause(err)).Do("check its name")
	}
	defer func() { _ = f.Close() }() // it was only read
	return audit.Verify(f, trust)
}

func newAuditVerifyCommand(c *cli) *cobra.Command {
	var key, checkpoint string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Verify an export or a proof, offline",
		Long: `Verify a file that export or prove has written. It needs no server and no network, and
names the first entry that does not hold: changed, removed, put elsewhere, cut off.

Two things must come from elsewhere. --key is the server's public key, from the day
you began to trust it; without it the file is only held against the key it names
itself. --checkpoint is a checkpoint that was kept at an earlier time; with it,
even whoever holds the signing key cannot have rewritten what it covers.`,
		Example: `  quorate audit verify record-2026.txt --key quorate/6b1f…+04266b54+AYqI… --checkpoint kept-in-march.txt`,
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			trust, err := c.trust(key, checkpoint)
			if err != nil {
				return err
			}
			v, err := verifyFile(args[0], trust)
			if err != nil {
				return err
			}
			return c.show(v, nil, func(p *page) { drawVerdict(p, args[0], v) })
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "`KEY` that must have signed, as `audit key` prints it")
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "`FILE` with an earlier checkpoint that the record must continue")
	return cmd
}

func (c *cli) trust(key, checkpoint string) (trust audit.Trust, err error) {
	if key != "" {
		if trust.Key, err = audit.ParseVerifierKey(key); err != nil {
			return trust, err
		}
	}
	if checkpoint != "" {
		trust.Earlier, err = c.readFile("--checkpoint", checkpoint)
	}
	return trust, err
}

func drawVerdict(p *page, file string, v audit.Verdict) {
	if v.Kind == "proof" {
		p.line("True: entry %d is in the record of %d entries.", *v.Entry.Index, v.Size)
		drawEntry(p, *v.Entry)
	} else {
		p.line("True: the %d entries in %s are the record, whole and in order.", v.Size, file)
		if v.First != nil {
			p.pairs([2]string{"From", moment(*v.First)}, [2]string{"To", moment(*v.Last)})
		}
	}
	p.pairs([2]string{"Log", v.Origin}, [2]string{"Root", v.Root.String()}, [2]string{"Key", v.KeyID})
	for _, i := range v.Handovers {
		p.line("The key you gave led to this one: entry %d replaced the key, and both signed that.", i)
	}
	if !v.KeyTrusted {
		p.line("The key is the one that the file names. Give --key to be sure that it is the server's.")
	}
	switch {
	case v.Earlier > 0:
		p.line("It continues the earlier checkpoint of %d entries.", v.Earlier)
	case v.Kind == "export":
		p.line("Give --checkpoint to be sure that whoever holds the key did not rewrite it.")
	}
}

func drawEntry(p *page, e audit.Entry) {
	index := ""
	if e.Index != nil {
		index = fmt.Sprint(*e.Index)
	}
	p.pairs([2]string{"Entry", index}, [2]string{"Change", e.ID}, [2]string{"When", moment(e.At)}, [2]string{"Result", string(e.Result)},
		[2]string{"Who", e.Actor.Name + " (" + e.Actor.ID + ")"}, [2]string{"Roles", joined(e.Actor.Roles)}, [2]string{"Action", string(e.Action)},
		[2]string{"Target", e.Target.String()}, [2]string{"Reason", why(e)})
	for _, edit := range e.Edits {
		p.line("%s", edit.Path)
		p.indented(2, "before  %s", edit.Before)
		p.indented(2, "after   %s", edit.After)
	}
}

func newAuditShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show KEY", Short: "Show one entry, with what it changed",
		Long: `Show the entry of a change, by the change's key, as the command that made it printed.
The entry of a request that was refused has -refused behind its key.`,
		Args: exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[audit.Entry], error) { return s.ShowEntry(cmd.Context(), args[0]) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawEntry(p, a.Value) })
		},
	}
}

func newAuditProveCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "prove KEY", Short: "Print a proof that an entry is in the signed record",
		Long: `Print the entry of a change together with what proves that it is in the record: one
file, which audit verify takes, on any machine and without a server.`,
		Example: `  quorate audit prove 01930000-0000-7000-8000-000000000000 > proof.txt`,
		Args:    exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[client.EntryProof], error) {
				return s.ProveEntry(cmd.Context(), args[0])
			})
			if err != nil {
				return err
			}
			if c.output == "table" {
				_, err := io.WriteString(c.stdout, a.Value.File)
				return err
			}
			return c.print(a.Raw)
		},
	}
}

func newAuditCheckpointCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "checkpoint", Short: "Print the newest signed checkpoint, to be kept elsewhere",
		Long: `Print the newest checkpoint: the size of the record and its hash, signed. Whoever
keeps it, in another house than the server's, can later tell with audit verify
--checkpoint whether the record was rewritten, by anybody, since.

This command and audit export also keep the newest checkpoint they have seen of each
server, below ~/.local/state/quorate/checkpoints, and refuse a record that does not
continue it: rolled back, rewritten or forked.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := c.server()
			if err != nil {
				return err
			}
			if err := c.keep(cmd.Context(), server); err != nil {
				return err
			}
			checkpoint, _, err := server.RecordLog().Checkpoint(cmd.Context())
			if err != nil {
				return err
			}
			return c.show(map[string]any{"origin": checkpoint.Origin, "size": checkpoint.Tree.N, "checkpoint": string(checkpoint.Note)}, nil,
				func(p *page) {
					for line := range strings.Lines(string(checkpoint.Note)) {
						p.line("%s", line)
					}
				})
		},
	}
}

func newAuditKeyCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "key", Short: "Print the public key that signs the record, or replace it",
		Long: `Print the public key that signs the record, as audit verify --key takes it. Keep it
elsewhere from the first day on.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[audit.Key], error) { return s.RecordKey(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { p.line("%s", a.Value.Key) })
		},
	}
	cmd.AddCommand(newAuditKeyReplaceCommand(c))
	return cmd
}
