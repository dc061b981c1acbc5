package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/quorate/quorate/internal/api"
)

// frontOptions are what stands before every listener.
type frontOptions struct {
	certFile, keyFile string
	hosts             []string
	limits            api.Limits
	rates             api.Rates
}

func (o *frontOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.certFile, "tls-cert", "", "PEM file with the certificate of the API and OFREP, read again when it changes; none: without TLS")
	f.StringVar(&o.keyFile, "tls-key", "", "PEM file with the key of --tls-cert")
	f.StringSliceVar(&o.hosts, "allowed-hosts", nil, "names by which clients may call the server, such as quorate.example.org or *.example.org; addresses, localhost and the host's own name are always allowed, * allows any")
	f.IntVar(&o.limits.Connections, "max-connections", 0, "connections at once, on each listener; 0: three quarters of the files that the process may open")
	f.IntVar(&o.limits.PerAddress, "max-connections-per-address", 0, "of these with one address; 0: half of them")
	f.IntVar(&o.rates.Caller, "rate-per-caller", 0, fmt.Sprintf("requests to the API a second by one credential; 0: %d", api.DefaultCaller))
	f.IntVar(&o.rates.Address, "rate-per-address", 0, fmt.Sprintf("requests a second from one address without a credential; 0: %d", api.DefaultAddress))
}
