package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags/edge"
	"github.com/quorate/quorate/internal/fault"
)

// edgeOptions are the options of edge as they are given.
type edgeOptions struct {
	cfg           edge.Config
	sources       []string
	contextValues []string
	contextHeader []string
	envFile       string
	logLevel      slog.Level
}

func newEdgeCommand(c *cli) *cobra.Command {
	var o edgeOptions
	cmd := &cobra.Command{
		Use:   "edge",
		Short: "Serve flags without a store, from a server or from flagd files",
		Long: `Serve flags near those who ask, over OFREP and the protocols of flagd.

With --upstream it follows regions of a Quorate server, keeps the last good flags
below --data-dir, and answers from them while the server cannot be reached, also
after a restart. Whoever asks brings a token, which the server's API is asked
about (--introspect), or a client certificate (--client-ca), or asks over a network
that is trusted (--trust-network).

With --source it serves flagd definition files, in JSON or YAML, as flagd does:
several, of which a later one counts where both have a flag, read again when they
change. A broken file leaves the last good flags as they were. Files are served to
whoever reaches the address.

The ports are those of flagd. A port of -1 is not served, and 0 takes a free one.`,
		Example: `  quorate edge --source file:flags.json --source file:more.json --context-value site=co-1
  quorate edge --upstream https://quorate.example.org:8015 --region co \
    --data-dir /var/lib/quorate-edge --introspect https://quorate.example.org
  quorate edge --upstream http://127.0.0.1:8013 --region co --trust-network`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.read(); err != nil {
				return err
			}
			o.cfg.Now, o.cfg.Log = c.now, slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: o.logLevel}))
			return runEdge(cmd.Context(), c, o.cfg, o.envFile)
		},
	}
	o.register(cmd)
	return cmd
}

func (o *edgeOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.sources, "source", nil, "`file:PATH` of definitions; may be given several times")
	f.StringVar(&o.cfg.Upstream.URL, "upstream", "", "address of flagd.sync on a Quorate server, for instance https://quorate.example.org:8015")
	f.StringSliceVar(&o.cfg.Upstream.Regions, "region", nil, "regions of the upstream to follow")
	f.StringVar(&o.cfg.Upstream.CAFile, "upstream-ca", "", "PEM file with the authority of the upstream's certificate")
	f.StringVar(&o.cfg.Upstream.CertFile, "upstream-cert", "", "PEM file with our certificate for the upstream")
	f.StringVar(&o.cfg.Upstream.KeyFile, "upstream-key", "", "PEM file with the key of --upstream-cert")
	f.StringVar(&o.cfg.Upstream.TokenFile, "upstream-token-file", "", "file that holds our token for the upstream")
	f.StringVar(&o.cfg.Upstream.DataDir, "data-dir", "", "directory for the last good flags of the upstream; none: in memory alone")
	f.StringVar(&o.cfg.Introspect, "introspect", "", "address of the API that is asked whom a token belongs to; none: no token is accepted")
	f.BoolVar(&o.cfg.TrustNetwork, "trust-network", false, "serve the upstream's regions to whoever reaches the address")
	f.StringVar(&o.cfg.Host, "host", "127.0.0.1", "address to listen at")
	f.IntVar(&o.cfg.Evaluation, "port", edge.EvaluationPort, "port of flagd.evaluation")
	f.IntVar(&o.cfg.Management, "management-port", edge.ManagementPort, "port of /healthz, /readyz and /metrics")
	f.IntVar(&o.cfg.Sync, "sync-port", edge.SyncPort, "port of flagd.sync")
	f.IntVar(&o.cfg.OFREP, "ofrep-port", edge.OFREPPort, "port of OFREP")
	f.StringVar(&o.cfg.CertFile, "tls-cert", "", "PEM file with the certificate of all ports; none: without TLS")
	f.StringVar(&o.cfg.KeyFile, "tls-key", "", "PEM file with the key of --tls-cert")
	f.StringVar(&o.cfg.ClientCAFile, "client-ca", "", "PEM file with the authority whose client certificates stand for regions, by their organizational unit (OU=co)")
	f.StringSliceVar(&o.cfg.Hosts, "allowed-host", nil, "names by which the edge may be called, such as edge.example.org or *; addresses and localhost always")
	f.StringSliceVar(&o.cfg.Origins, "cors-origin", nil, "origins of web pages that may ask, such as https://portal.example")
	f.StringArrayVar(&o.contextValues, "context-value", nil, "`KEY=VALUE` that goes into every evaluation, before what callers send")
	f.StringArrayVar(&o.contextHeader, "context-from-header", nil, "`HEADER=KEY`: a header of flagd.evaluation that goes into the evaluation, before everything else")
	f.StringVar(&o.envFile, "env-file", "", "also write the addresses to this file, as shell assignments")
	f.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "least level to log: debug, info, warn, error")
}

// read takes apart what is given as pairs.
func (o *edgeOptions) read() error {
	for _, s := range o.sources {
		path, ok := strings.CutPrefix(s, "file:")
		if !ok || path == "" {
			return misuse("the source %.80q is not one that can be read", s).Do("use file:PATH").At("--source")
		}
		o.cfg.Files = append(o.cfg.Files, path)
	}
	o.cfg.Context, o.cfg.HeaderContext = map[string]any{}, map[string]string{}
	for _, pair := range o.contextValues {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return misuse("a context value is not KEY=VALUE").Do("use --context-value site=co-1").At("--context-value")
		}
		o.cfg.Context[key] = value
	}
	for _, pair := range o.contextHeader {
		header, key, ok := strings.Cut(pair, "=")
		if !ok || header == "" || key == "" {
			return misuse("a context header is not HEADER=KEY").Do("use --context-from-header X-Site=site").At("--context-from-header")
		}
		o.cfg.HeaderContext[header] = key
	}
	return nil
}

// The addresses of an edge, each with what it says of it and its shell variable.
var edgeAddresses = []struct{ option, says, variable string }{
	{"--ofrep-port", "OFREP", "QUORATE_URL"},
	{"--port", "flagd.evaluation", "QUORATE_EDGE_EVALUATION"},
	{"--sync-port", "flagd.sync", "QUORATE_EDGE_SYNC"},
	{"--management-port", "health and metrics", "QUORATE_EDGE_MANAGEMENT"},
}

// runEdge serves until ctx ends or it fails.
func runEdge(ctx context.Context, c *cli, cfg edge.Config, envFile string) error {
	e, err := edge.Start(ctx, cfg)
	if err != nil {
		return err
	}
	scheme, env := "http://", ""
	if cfg.CertFile != "" {
		scheme = "https://"
	}
	for _, at := range edgeAddresses {
		if address := e.Addr(at.option); address != "" {
			fmt.Fprintf(c.stdout, "%s at %s%s\n", at.says, scheme, address)
			env += at.variable + "=" + scheme + address + "\n"
		}
	}
	if envFile != "" {
		if err := renameio.WriteFile(envFile, []byte(env), 0o600); err != nil {
			_ = e.Close()
			return fault.New(fault.Invalid, "bad_env_file", "the file %q cannot be written: %v", envFile, err).Do("choose another with --env-file")
		}
	}
	select {
	case <-ctx.Done():
		cfg.Log.Info("stopping")
		return e.Close()
	case err := <-e.Failed():
		if closing := e.Close(); closing != nil {
			return fmt.Errorf("%w (and while stopping: %w)", err, closing)
		}
		return err
	}
}
