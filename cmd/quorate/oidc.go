package main

import (
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
)

const oidcHelp = `

People sign in at your organisation's identity provider, over OpenID Connect. Register
this server there with the address that --public-url says and /sign-in/callback after
it, and say which groups hold which roles with ` + "`quorate access groups set`" + `.`

// oidcOptions say where people sign in.
type oidcOptions struct {
	access.OIDC
	secretFile string
}

func (o *oidcOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.PublicURL, "public-url", "", "`URL` at which browsers reach this server, without a path; needed where people sign in over a network")
	f.StringVar(&o.Issuer, "oidc-issuer", "", "`URL` of the identity provider, as it writes it in its tokens; none: people cannot sign in")
	f.StringVar(&o.ClientID, "oidc-client-id", "", "`ID` with which this server is registered there")
	f.StringVar(&o.secretFile, "oidc-client-secret-file", "", "`FILE` that holds its secret there; none: it is a public client")
	f.StringVar(&o.GroupsClaim, "oidc-groups-claim", "groups", "`CLAIM` that lists the groups a person is in")
	f.StringSliceVar(&o.Scopes, "oidc-scope", nil, "`SCOPES` to ask for besides openid and profile, such as groups")
}

// config reads the secret from its file.
func (o *oidcOptions) config() (access.OIDC, error) {
	if o.secretFile == "" {
		return o.OIDC, nil
	}
	raw, err := os.ReadFile(o.secretFile)
	if err != nil {
		return o.OIDC, fault.New(fault.Invalid, "bad_file", "the file of --oidc-client-secret-file cannot be read: %v", plainCause(err)).
			Do("check the path and its permissions").At("--oidc-client-secret-file")
	}
	o.ClientSecret = strings.TrimSpace(string(raw))
	return o.OIDC, nil
}
