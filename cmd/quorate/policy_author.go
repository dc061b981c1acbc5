package main

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
	"github.com/quorate/quorate/policy/sandbox"
)

func newPolicyInitCommand(c *cli) *cobra.Command {
	var region string
	var group bool
	cmd := &cobra.Command{
		Use: "init DIR", Short: "Begin a bundle in a new directory", Args: exactly("DIR"),
		Long: `Begin a bundle: a copy of the law that comes with Quorate, for counsel to confirm or
change; or, with --region or --for-group, a bundle of own rules that stand over the law and
can only add to it.`,
		Example: `  quorate policy init law
  quorate policy init procedures --region co`,
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := beginnings(region, group)
			if err == nil {
				err = writeFiles(args[0], files)
			}
			if err != nil {
				return err
			}
			return c.show(map[string]string{"dir": args[0]}, nil, func(p *page) {
				p.line("The bundle begins in %s. Look at it with `quorate policy check %s`.", args[0], args[0])
			})
		},
	}
	cmd.Flags().StringVarP(&region, "region", "r", "", "for the own procedures of a `REGION`")
	cmd.Flags().BoolVar(&group, "for-group", false, "for the group's own rules")
	return cmd
}

// beginnings are the files of a new bundle.
func beginnings(region string, group bool) (fs.FS, error) {
	layer, prefix := `"group"`, "GRP"
	switch {
	case region != "" && group:
		return nil, misuse("--region and --for-group were both given").Do("give one")
	case region == "" && !group:
		return rules.Law, nil
	case region != "":
		layer, prefix = `"region", "region": "`+region+`"`, strings.ToUpper(region)+"-OWN"
	}
	id := prefix + "-EXAMPLE"
	return fstest.MapFS{
		".manifest": {Data: []byte(`{"roots": ["quorate", "registry"], "rego_version": 1,
 "metadata": {"layer": ` + layer + `, "as_last_confirmed": "2026-01-01", "notice": "An example."}}
`)},
		"registry/own/data.yaml": {Data: []byte(strings.ReplaceAll(exampleRecord, "ID", id))},
		"rules/own/example.rego": {Data: []byte(strings.ReplaceAll(exampleRule, "ID", id))},
	}, nil
}

const exampleRecord = `ID:
  title: Video visits need a trained team
  citation: Operating procedure 1
  jurisdictions: ["*"]
  actors: [provider]
  capabilities: [video_visit]
  phase: E
  acts: [enable]
  time_zone: local
  status: in_force
  waivable_by: [risk]
  point: flag
  monotone: true
  confidence: source
  review_due: "2099-01-01"
`

const exampleRule = `package quorate.rules["ID"]

finding contains {"effect": "require", "evidence": "local:video_training"} if input.act == "enable"
`

// writeFiles fills a directory that does not exist yet.
func writeFiles(dir string, files fs.FS) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return misuse("the directory %s cannot be made: %v", dir, plainCause(err)).Do("name one that does not exist")
	}
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		return os.WriteFile(at, raw, 0o644)
	})
}

func newPolicyKeyCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "key FILE", Short: "Make a key to sign bundles with", Args: exactly("FILE"),
		Long: `Make a key to sign bundles with: FILE, which only you can read, and FILE.pub, which
servers are given with --policy-key NAME=FILE.pub.`,
		Example: `  quorate policy key counsel.pem`,
		RunE: func(_ *cobra.Command, args []string) error {
			key, trusted, err := policy.NewKey("new")
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); err == nil {
				return misuse("the file %s exists", args[0]).Do("name another; a key that signed bundles is not to be lost")
			}
			for file, text := range map[string]string{args[0]: key.Key, args[0] + ".pub": trusted["new"]} {
				if err := renameio.WriteFile(file, []byte(text), 0o600); err != nil {
					return misuse("the file %s cannot be written: %v", file, plainCause(err)).Do("name another")
				}
			}
			return c.show(map[string]string{"key": args[0]}, nil, func(p *page) {
				p.line("The key is in %s; give servers %s.pub.", args[0], args[0])
			})
		},
	}
}

func newPolicyCheckCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "check DIR", Short: "Look at a bundle as a server would, offline", Args: exactly("DIR"),
		Long: `Read, compile and translate a bundle, decide sample cases by each of its rules, and say
what is wrong, with file and line. It runs in a process of its own, under the limits of a
server: what passes here is taken there, but for the signature.`,
		Example: `  quorate policy check ./law`,
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := inspectDir(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.show(report, nil, func(p *page) {
				p.line("%d rules pass, in %d sample cases.", report.Rules, report.Cases)
				p.pairs([2]string{"Layer", string(report.Manifest.Layer)}, [2]string{"Region", report.Manifest.Region}, [2]string{"Digest", report.Revision})
			})
		},
	}
}

func newPolicyTestCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "test DIR", Short: "Run a bundle's own tests, under the limits of a server", Args: exactly("DIR"),
		Long: `Run the tests of a bundle (*_test.rego), in a process of its own, under the limits of a
server. A failing one is named with file and line.`,
		Example: `  quorate policy test ./law`,
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := inspectDir(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if report.Tests == 0 {
				return fault.New(fault.Refused, "no_tests", "%s has no tests", args[0]).Do("write some in files that end with _test.rego")
			}
			return c.show(report, nil, func(p *page) { p.line("%d tests pass.", report.Tests) })
		},
	}
}

// inspectDir has a child look at a directory.
func inspectDir(ctx context.Context, dir string) (policy.Report, error) {
	archive, err := packDir(dir, policy.SigningKey{})
	if err != nil {
		return policy.Report{}, err
	}
	report, err := sandbox.Check(ctx, sandbox.Request{Archive: archive, Unsigned: true})
	if err != nil {
		return report, err
	}
	if len(report.Problems) > 0 {
		var text []string
		for _, p := range report.Problems {
			text = append(text, p.String())
		}
		return report, fault.New(fault.Invalid, "bad_bundle", "the bundle in %s: %s", dir, strings.Join(text, "; ")).Do("mend what is named")
	}
	return report, nil
}

// packDir packs a directory; without a key, by one that is made up.
func packDir(dir string, key policy.SigningKey) ([]byte, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, misuse("%s cannot be read: %v", dir, notADirectory(err)).Do("name the directory of a bundle")
	}
	if key.Key == "" {
		made, _, err := policy.NewKey("nobody")
		if err != nil {
			return nil, err
		}
		key = made
	}
	archive, err := policy.Pack(os.DirFS(dir), key)
	if err != nil {
		return nil, badBundle(dir, err)
	}
	return archive, nil
}

func newPolicyPushCommand(c *cli) *cobra.Command {
	var keyFile, region, reason string
	cmd := &cobra.Command{
		Use: "push DIR --key FILE --reason TEXT", Short: "Sign a bundle and bring it to the server; it changes nothing yet", Args: exactly("DIR"),
		Long: `Sign a bundle and push it. The server looks at it in a process of its own and refuses it
with file, line and reason if anything is wrong. Nothing that holds is changed until it is
activated.`,
		Example: `  quorate policy push ./law --key counsel.pem --reason "Confirmed for the new year"
  quorate policy push ./procedures --key co.pem --region co --reason "Procedure 7"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "key", "reason"); err != nil {
				return err
			}
			key, err := c.readFile("--key", keyFile)
			if err != nil {
				return err
			}
			archive, err := packDir(args[0], policy.SigningKey{ID: "pushed", Key: string(key)})
			if err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[policy.Pushed], error) {
				return s.PushBundle(cmd.Context(), policy.PushRequest{Archive: archive, Region: region}, reason)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, b policy.Pushed) {
				p.line("The bundle %s of %d rules is on the server, signed by %s. It does not hold yet.", b.Digest[:min(12, len(b.Digest))], b.Rules, b.SignedBy)
				p.line("See what it would break: `quorate policy preview %s`", b.Digest[:min(12, len(b.Digest))])
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&keyFile, "key", "", "`FILE` of the key to sign with, in PEM")
	f.StringVarP(&region, "region", "r", "", "the `REGION` whose own procedures they are")
	f.StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	return cmd
}

func newPolicyActivateCommand(c *cli) *cobra.Command {
	var why whyOptions
	var blind bool
	cmd := &cobra.Command{
		Use: "activate DIGEST --reason TEXT", Short: "Have a pushed bundle hold", Args: exactly("DIGEST"),
		Long: `Have a pushed bundle hold in its layer. What would newly be refused is looked at first,
and the activation fails if an enablement changes meanwhile. A law waits for the sign-off
of counsel or of compliance, whoever of them did not propose it; a region's own procedures
hold by its lead's word.`,
		Example: `  quorate policy activate 13bc971d5918 --reason "Counsel's review of November"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			w, err := ask(c, func(s *client.Client) (client.Written[policy.Active], error) {
				b, err := s.ShowBundle(cmd.Context(), args[0])
				if err != nil {
					return client.Written[policy.Active]{}, err
				}
				r := policy.ActivateRequest{Layer: b.Value.Manifest.Layer, Region: b.Value.Manifest.Region, Digest: b.Value.Digest}
				if !blind {
					v, err := s.PreviewBundle(cmd.Context(), b.Value.Digest)
					if err != nil {
						return client.Written[policy.Active]{}, err
					}
					r.Previewed = v.Value.Previewed
				}
				return s.ActivateBundle(cmd.Context(), r, why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawActive)
		},
	}
	why.register(cmd)
	why.registerRevision(cmd)
	cmd.Flags().BoolVar(&blind, "without-preview", false, "do not look first at what would break")
	return cmd
}

func newPolicyRollbackCommand(c *cli) *cobra.Command {
	var why whyOptions
	var layer, region string
	cmd := &cobra.Command{
		Use: "rollback --reason TEXT", Short: "Have the bundle hold that held before", Args: exactly(),
		Long: `Have the bundle hold that held before in a layer, with the same signatures as any
activation. A region's first own procedures go away.`,
		Example: `  quorate policy rollback --reason "The new bundle refuses what is allowed"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "reason"); err != nil {
				return err
			}
			if region != "" {
				layer = string(policy.Region)
			}
			w, err := ask(c, func(s *client.Client) (client.Written[policy.Active], error) {
				return s.RollbackPolicy(cmd.Context(), policy.Layer(layer), region, why.Why)
			})
			if err != nil {
				return err
			}
			return changed(c, w, drawActive)
		},
	}
	why.register(cmd)
	why.registerRevision(cmd)
	cmd.Flags().StringVar(&layer, "layer", string(policy.Law), "`LAYER`: law or group")
	cmd.Flags().StringVarP(&region, "region", "r", "", "the `REGION` whose own procedures are taken back")
	return cmd
}

func sortedRegions(a policy.Active) []string { return slices.Sorted(maps.Keys(a.Regions)) }

// readPolicyKeys reads the public keys that the server takes bundles by.
func readPolicyKeys(files map[string]string) (policy.TrustedKeys, error) {
	keys := policy.TrustedKeys{}
	for name, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(raw), "PUBLIC KEY") {
			return nil, misuse("--policy-key %s: the file %s is no public key in PEM", name, file).Do("make one with `quorate policy key` and give its .pub").At("--policy-key")
		}
		keys[name] = string(raw)
	}
	return keys, nil
}
