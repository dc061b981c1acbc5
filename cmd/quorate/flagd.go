package main

import (
	"github.com/spf13/pflag"

	"github.com/quorate/quorate/internal/server"
)

// flagdHelp is what the help of serve says of flagd's protocols.
const flagdHelp = `

The protocols of flagd are off unless an address, or a trusted region, is given.
flagd's own providers cannot send a token: a service comes with a client
certificate that stands for its region, or asks over a trusted network for the
one region that --flagd-trusted-region names.`

// registerFlagd adds the options of flagd's protocols.
func registerFlagd(f *pflag.FlagSet, o *server.Flagd) {
	f.StringVar(&o.Listen, "flagd-listen", "", "address of flagd's protocols, for instance 127.0.0.1:8013; none: off")
	f.StringVar(&o.SyncListen, "flagd-sync-listen", "", "address of flagd.sync alone, for instance 127.0.0.1:8015; none: with the others")
	f.StringVar(&o.CertFile, "flagd-tls-cert", "", "PEM file with the certificate of flagd's protocols; none: without TLS")
	f.StringVar(&o.KeyFile, "flagd-tls-key", "", "PEM file with the key of --flagd-tls-cert")
	f.StringVar(&o.ClientCAFile, "flagd-client-ca", "", "PEM file with the authority whose client certificates stand for regions, by their organizational unit (OU=co)")
	f.StringVar(&o.ClientRegionsFile, "flagd-client-regions", "", "file that lists a client certificate's name and its regions on each line, instead of the organizational unit")
	f.StringVar(&o.TrustedRegion, "flagd-trusted-region", "", "serve this one region without credentials, at "+server.DefaultFlagdListen+" unless --flagd-listen says otherwise")
}
