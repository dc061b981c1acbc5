package main

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/policy"
)

func newEvidenceCommand(c *cli) *cobra.Command {
	return noun("evidence", "Proofs on file: list, show, add, revoke",
		`Evidence is a typed proof that something the law asks for is done: for the whole
organization, a region or a jurisdiction, until a day. What holds above holds below.
The document stays where it is; its hash is kept.`,
		newEvidenceListCommand(c), newEvidenceShowCommand(c), newEvidenceAddCommand(c), newEvidenceRevokeCommand(c))
}

func newEvidenceListCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the evidence on file, revoked included", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Evidence, error) { return s.ListEvidence(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, r := range a.Value.Items {
					e := r.Value
					rows = append(rows, []string{e.ID, ended(e.Expires, e.Revoked), e.Scope, everyOr(e.Capability), e.Type, e.Added.By})
				}
				p.table("No evidence is on file.", []string{"EVIDENCE", "UNTIL", "SCOPE", "CAPABILITY", "TYPE", "BY"}, rows)
			})
		},
	}
}

// ended is until when a record counts.
func ended(expires string, revoked *policy.Act) string {
	if revoked != nil {
		return "revoked " + moment(revoked.At)
	}
	return expires
}

func everyOr(capability string) string {
	if capability == "" {
		return "all"
	}
	return capability
}

func newEvidenceShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show EVIDENCE", Short: "Show a piece of evidence", Args: exactly("EVIDENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[policy.Stored[policy.Proof]], error) {
				return s.ShowEvidence(cmd.Context(), args[0])
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawProof(p, a.Value.Value) })
		},
	}
}

func drawProof(p *page, e policy.Proof) {
	p.line("%s: %s for %s, until %s", e.ID, e.Type, e.Scope, ended(e.Expires, e.Revoked))
	p.pairs([2]string{"Capability", everyOr(e.Capability)}, [2]string{"Version", e.CapabilityVersion}, [2]string{"Service", e.Service},
		[2]string{"From", e.Issued}, [2]string{"Document", e.URI}, [2]string{"Hash", e.Hash}, [2]string{"Note", e.Note},
		[2]string{"Added by", e.Added.By + ", " + moment(e.Added.At)}, [2]string{"Reason", e.Added.Reason})
}

func newEvidenceAddCommand(c *cli) *cobra.Command {
	var r policy.EvidenceRequest
	var why whyOptions
	var file, issued, expires string
	cmd := &cobra.Command{
		Use:   "add TYPE --scope SCOPE --expires DAY --reason TEXT",
		Short: "Put evidence on file",
		Long: `Put a proof on file. TYPE is a word of the law, such as vendor_baa; or performs:KIND, by
which a service vouches that it performs what a rule requires; or readiness:WORD, by
which a region attests that it is ready; or local:WORD, which a region's own procedures
ask for. A regional lead can do so for the own region.`,
		Example: `  quorate evidence add vendor_baa --scope co --file baa.pdf --expires 2027-12-31 --reason "Renewed"
  quorate evidence add performs:consent --service "patient portal" --scope co --expires 2027-06-30 --reason "Release 12"`,
		Args: exactly("TYPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "scope", "expires", "reason"); err != nil {
				return err
			}
			r.Type, r.Issued, r.Expires = args[0], policy.Day(issued), policy.Day(expires)
			if file != "" {
				raw, err := c.readFile("--file", file)
				if err != nil {
					return err
				}
				sum := sha256.Sum256(raw)
				r.Hash = "sha256:" + hex.EncodeToString(sum[:])
			}
			w, err := ask(c, func(s *client.Client) (client.Written[policy.Proof], error) {
				return s.AddEvidence(cmd.Context(), r, why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawProof)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Scope, "scope", "", "where it holds: * for all, a `REGION`, or a jurisdiction such as US-CO")
	f.StringVar(&r.Capability, "capability", "", "for this `CAPABILITY` alone")
	f.StringVar(&r.CapabilityVersion, "capability-version", "", "for this material `VERSION` of it alone")
	f.StringVar(&r.Service, "service", "", "the `SERVICE` that vouches for performs:KIND")
	f.StringVar(&issued, "issued", "", "first `DAY` on which it counts; none: today")
	f.StringVar(&expires, "expires", "", "first `DAY` on which it no longer counts, such as 2027-12-31")
	f.StringVar(&file, "file", "", "the document, as a `FILE`: its hash is kept, not the document")
	f.StringVar(&r.Hash, "hash", "", "the hash of the document, `sha256:HEX`, instead of --file")
	f.StringVar(&r.URI, "uri", "", "`ADDRESS` at which the document is kept")
	f.StringVar(&r.Note, "note", "", "a `TEXT` beside it")
	why.register(cmd)
	return cmd
}

func newEvidenceRevokeCommand(c *cli) *cobra.Command {
	var why whyOptions
	cmd := &cobra.Command{
		Use: "revoke EVIDENCE --reason TEXT", Short: "Take evidence off the file, at once", Args: exactly("EVIDENCE"),
		Long:    `Take a proof off the file. What rests on it is off at once.`,
		Example: `  quorate evidence revoke ev-0123456789ab --reason "The contract ended"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[policy.Proof], error) {
				return s.RevokeEvidence(cmd.Context(), args[0], why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawProof)
		},
	}
	why.register(cmd)
	why.registerRevision(cmd)
	return cmd
}
