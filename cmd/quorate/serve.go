package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/server"
)

// serveOptions are the options that serve and demo share.
type serveOptions struct {
	listen   string
	dataDir  string
	logLevel slog.Level
}

func (o *serveOptions) register(cmd *cobra.Command, dataDir, dataDirHelp string) {
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address of the API and of OFREP; port 0 takes a free one")
	f.StringVar(&o.dataDir, "data-dir", dataDir, dataDirHelp)
	f.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "least level to log: debug, info, warn, error")
}

func (o *serveOptions) logger(c *cli) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: o.logLevel}))
}

func newServeCommand(c *cli) *cobra.Command {
	var o serveOptions
	var etcd server.Etcd
	var flagd server.Flagd
	var acceptRestore, sealKey string
	var keyFiles map[string]string
	var corsOrigins []string
	var rateLimit int
	var front frontOptions
	var oidc oidcOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server, with its own store or on an etcd cluster",
		Long: `Run a Quorate server.

Without --etcd-endpoints it keeps its state in its own store below --data-dir.
With them it is one of any number of equal replicas on an etcd cluster; its data
directory then holds only what this replica has seen.

If no operator has a token yet, one that lives an hour is written to the file
bootstrap-token in the data directory.` + oidcHelp + flagdHelp,
		Example: `  quorate serve --data-dir /var/lib/quorate
  quorate serve --data-dir /var/lib/quorate --etcd-endpoints https://etcd-1:2379,https://etcd-2:2379 --etcd-ca ca.pem
  quorate serve --flagd-listen :8013 --flagd-tls-cert tls.pem --flagd-tls-key tls.key --flagd-client-ca portals.pem
  quorate serve --public-url https://quorate.example.org \
    --oidc-issuer https://login.example.org --oidc-client-id quorate --oidc-client-secret-file secret
  quorate serve --flagd-trusted-region co`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rateLimit < 0 {
				return fault.New(fault.Invalid, "bad_rate", "the rate %d is less than nothing", rateLimit).Do("set a number of requests a second, or 0 for the default").At("--rate-limit")
			}
			people, err := oidc.config()
			if err != nil {
				return err
			}
			keys, err := readPolicyKeys(keyFiles)
			if err != nil {
				return err
			}
			cfg := server.Config{Listen: o.listen, PolicyKeys: keys, DataDir: o.dataDir, Version: version(), AcceptRestore: acceptRestore, SealKeyFile: sealKey, OIDC: people,
				CertFile: front.certFile, KeyFile: front.keyFile, Hosts: front.hosts, Limits: front.limits, Rates: front.rates, CORSOrigins: corsOrigins, RateLimit: rateLimit, Etcd: etcd, Flagd: flagd, Log: o.logger(c), Now: c.now}
			return serve(cmd.Context(), cfg, func(ctx context.Context, s *server.Server) error {
				fmt.Fprintf(c.stdout, "Quorate serves at %s\n", s.URL())
				if at := s.FlagdAddr(); at != "" {
					fmt.Fprintf(c.stdout, "The protocols of flagd are at %s\n", at)
				}
				if err := s.Settled(ctx); err == nil && s.Bootstrapped() {
					fmt.Fprintf(c.stdout, "The first operator's token, good for an hour, is in %s\n", s.BootstrapFile())
				}
				return nil
			})
		},
	}
	o.register(cmd, "quorate-data", "directory for the server's state")
	f := cmd.Flags()
	f.StringSliceVar(&etcd.Endpoints, "etcd-endpoints", nil, "endpoints of an etcd cluster; none: the server's own store")
	f.StringVar(&etcd.CAFile, "etcd-ca", "", "PEM file with the authority of the cluster's certificates")
	f.StringVar(&etcd.CertFile, "etcd-cert", "", "PEM file with the client certificate for the cluster")
	f.StringVar(&etcd.KeyFile, "etcd-key", "", "PEM file with the key of --etcd-cert")
	f.StringVar(&etcd.Username, "etcd-user", "", "user name at the cluster")
	f.StringVar(&etcd.PasswordFile, "etcd-password-file", "", "file that holds the password of --etcd-user")
	f.StringSliceVar(&corsOrigins, "cors-origin", nil, "origins of web pages that may ask over OFREP and flagd's protocols, such as https://portal.example; none by default")
	f.IntVar(&rateLimit, "rate-limit", 0, fmt.Sprintf("requests over OFREP a second by one credential, of this replica; 0: %d", ofrep.DefaultRate))
	front.register(f)
	oidc.register(f)
	registerFlagd(f, &flagd)
	f.StringVar(&sealKey, "seal-key-file", "", "`FILE` with the key that opens sealed ballots, the same for all replicas (default DIR/seal-key, made if there is none)")
	f.StringToStringVar(&keyFiles, "policy-key", nil, "`NAME=FILE` of PEM public keys whose bundles of rules are taken; without one no law can be activated")
	f.StringVar(&acceptRestore, "accept-restore", "", "accept, for this reason and on the record, a store that is older than what this replica has seen")
	return cmd
}

// heapFloor is how large the heap may grow before its garbage is looked for. Of a
// small server some 15 MB live, for as long as it does, and Go by itself would go
// through them whenever as much again was used: under load ten times a second, for
// a quarter of the CPU time of an evaluation. The block is never touched, so it
// takes no memory itself.
const heapFloor = 64 << 20 // bytes

// serve runs a server until ctx ends or it fails. begun is called once it
// answers.
func serve(ctx context.Context, cfg server.Config, begun func(context.Context, *server.Server) error) error {
	defer runtime.KeepAlive(make([]byte, heapFloor))
	starting, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s, err := server.Start(starting, cfg)
	if err != nil {
		return err
	}
	if err := begun(ctx, s); err != nil {
		return closing(s, err)
	}
	select {
	case <-ctx.Done():
		cfg.Log.Info("stopping")
		return s.Close()
	case err := <-s.Failed():
		return closing(s, err)
	}
}

// closing stops a server that failed; the failure is what matters.
func closing(s *server.Server, failure error) error {
	if err := s.Close(); err != nil {
		return fmt.Errorf("%w (and while stopping: %w)", failure, err)
	}
	return failure
}
