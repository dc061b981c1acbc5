package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/server"
)

func newDemoCommand(c *cli) *cobra.Command {
	var o demoOptions
	var forward bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try Quorate: a server furnished with eight regions, in a temporary directory",
		Long: `Start a server in a temporary directory and furnish it with eight regions,
their facilities, the capabilities of a patient portal, what is offered and how
the regions have answered so far; then say what to try.

It is a demo: its data is illustrative, nothing of it is legal advice, and what
is done in it is gone when it stops (unless --data-dir keeps it).

A ballot of its strategy group is open. In another terminal, --fast-forward moves the
clock of the running demo to the ballot's deadline, which closes it.`,
		Example: `  quorate demo
  quorate demo --listen 127.0.0.1:0 --env-file demo.env
  quorate demo --fast-forward`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if forward {
				return c.fastForward(cmd.Context())
			}
			return runDemo(cmd.Context(), c, o)
		},
	}
	o.register(cmd, "", "directory that keeps the demo; none: a temporary one that goes away")
	_ = cmd.Flags().Lookup("log-level").Value.Set("error") // the demo's output is what to try
	cmd.Flags().Lookup("log-level").DefValue = "error"
	cmd.Flags().StringVar(&o.envFile, "env-file", "", "also write QUORATE_URL and a token per account to this file, as shell assignments")
	cmd.Flags().BoolVar(&forward, "fast-forward", false, "move the clock of the demo that runs to the next deadline of a ballot")
	cmd.Flags().BoolVar(&o.withoutBody, "without-body", false, "found no body: the operator grants the offers")
	return cmd
}

// demoOptions are the options of a demo.
type demoOptions struct {
	serveOptions
	envFile     string
	withoutBody bool
}

func runDemo(ctx context.Context, c *cli, o demoOptions) error {
	if o.dataDir == "" {
		dir, err := os.MkdirTemp("", "quorate-demo-")
		if err != nil {
			return fault.New(fault.Invalid, "no_temp_dir", "no temporary directory can be made: %v", err).Do("set --data-dir")
		}
		defer func() { _ = os.RemoveAll(dir) }() // it was made to go away
		o.dataDir = dir
	}
	data, err := readDemoData()
	if err != nil {
		return err
	}
	if o.withoutBody {
		data.Governance = demoGovernance{}
	}
	clock := &demoClock{base: c.now}
	provider, err := startIssuer(o.listen, data, clock.now)
	if err != nil {
		return err
	}
	defer func() { _ = provider.Close() }() // nothing is kept in it
	cfg := server.Config{Listen: o.listen, DataDir: o.dataDir, Version: version(), Log: o.logger(c), Now: clock.now,
		OIDC:   access.OIDC{Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret},
		Notice: demoNotice}
	return serve(ctx, cfg, func(ctx context.Context, s *server.Server) error {
		provider.Register(s.URL() + access.CallbackPath)
		fmt.Fprintf(c.stderr, "Furnishing the demo…\n")
		env, err := furnish(ctx, clock, s, data, o)
		if err != nil {
			return err
		}
		control, err := clock.serve(ctx, s)
		if err != nil {
			return err
		}
		env += controlLine(control)
		files := []string{filepath.Join(o.dataDir, "demo.env")}
		if o.envFile != "" {
			files = append(files, o.envFile)
		}
		for _, file := range files {
			if err := renameio.WriteFile(file, []byte(env), 0o600); err != nil {
				return fault.New(fault.Invalid, "bad_env_file", "the file %q cannot be written: %v", file, err).Do("choose another with --env-file")
			}
		}
		fmt.Fprint(c.stdout, whatToTry(s.URL(), files[len(files)-1]))
		return nil
	})
}

// furnish seeds an empty server, or takes up a demo that was kept, and returns
// the shell assignments.
func furnish(ctx context.Context, clock *demoClock, s *server.Server, data demoData, o demoOptions) (string, error) {
	if err := s.Settled(ctx); err != nil {
		return "", err
	}
	if len(s.Replica.Snapshot().Regions()) > 0 {
		kept, err := os.ReadFile(filepath.Join(o.dataDir, "demo.env"))
		if err != nil {
			return "", fault.New(fault.Refused, "not_a_demo", "the data directory %q holds a state, but not that of a whole demo; its furnishing may have been interrupted", o.dataDir).
				Do("choose an empty directory with --data-dir, or use `quorate serve`").Because(err)
		}
		_, tokens, _ := strings.Cut(string(kept), "\n")
		tokens, _, _ = strings.Cut(tokens, demoControl+"=")
		return urlLine(s.URL()) + tokens, nil
	}
	secrets, err := seed(ctx, s, data, clock.now)
	if err != nil {
		return "", err
	}
	return envOf(s.URL(), secrets), nil
}

func urlLine(url string) string { return "QUORATE_URL=" + url + "\n" }

// envOf writes the address first, then a token per account, by name.
func envOf(url string, secrets map[string]string) string {
	var b strings.Builder
	b.WriteString(urlLine(url))
	for _, key := range slices.Sorted(maps.Keys(secrets)) {
		fmt.Fprintf(&b, "QUORATE_TOKEN_%s=%s\n", strings.ToUpper(strings.ReplaceAll(key, "-", "_")), secrets[key])
	}
	return b.String()
}

func whatToTry(url, envFile string) string {
	q := programName()
	return strings.NewReplacer("{url}", url, "{env}", envFile, "{q}", q).Replace(demoText)
}

// programName is how the one who reads the hints can call this program.
func programName() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(exe, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/quorate"
	}
	return os.Args[0]
}

const demoText = `
  ****  THIS IS A DEMO: made-up data, no legal advice, not for real patients  ****

Quorate serves at {url}. Open it in a browser and sign in as
one of the demo's roles. The law that comes with Quorate is
active, for illustration.

Or, in another terminal, take the demo's accounts into your shell:

  set -a; . {env}; set +a

1  See how every region has answered what is offered:

     QUORATE_TOKEN=$QUORATE_TOKEN_AUDITOR {q} board

2  Ask as a portal in Colorado does, through OpenFeature. Video visits are off:

     curl -sS -X POST $QUORATE_URL/regions/co/ofrep/v1/evaluate/flags/video_visit \
       -H "Authorization: Bearer $QUORATE_TOKEN_PORTAL" -H 'Content-Type: application/json' \
       -d '{"context":{"targetingKey":"p1","action":"start","patient":{"age":44,"location_now":"US-CO"},"clinician":{"licenses":["US-CO"]}}}'

3  Be Colorado's regional lead and turn them on:

     QUORATE_TOKEN=$QUORATE_TOKEN_CO_LEAD {q} enable video_visit --region co --reason "Clinics are ready"

4  Ask again as in 2: true in Colorado. With hi for co: still false in Hawaii.

5  See why, and who said so:

     QUORATE_TOKEN=$QUORATE_TOKEN_CO_LEAD {q} explain video_visit --region co

6  The group's ballot on the priorities of the year is open. See it; let its time pass:

     QUORATE_TOKEN=$QUORATE_TOKEN_AUDITOR {q} motion list
     {q} demo --fast-forward

   To vote, sign in as a member who has not: {q} login, then {q} ballot cast.

Stop the demo with Ctrl-C.
`
