package flagd

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// caller is who sent a request, as often as one likes to know: a stream outlives
// what it was opened with.
type caller struct {
	who func() (identity.Principal, error)
}

type callerKey struct{}

func callerFrom(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// callerOf takes the first credential that there is: a token, a client
// certificate, the network.
func (h *Handler) callerOf(r *http.Request) caller {
	if token, sent := tokenOf(r.Header); sent {
		return caller{func() (identity.Principal, error) { return h.byToken(token) }}
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		cert := r.TLS.VerifiedChains[0][0]
		return caller{func() (identity.Principal, error) { return h.byCertificate(cert) }}
	}
	return caller{h.byNetwork}
}

// tokenOf is the token of a request. An Authorization of another scheme is a
// credential too, one that is not accepted.
func tokenOf(header http.Header) (token string, sent bool) {
	if h := header.Get("Authorization"); h != "" {
		kind, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(kind, "Bearer") {
			return "", true
		}
		return strings.TrimSpace(token), true
	}
	h := header.Get("X-API-Key")
	return h, h != ""
}

func (h *Handler) byToken(token string) (identity.Principal, error) {
	if h.cfg.Authenticate == nil {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "no_tokens", "tokens are not accepted here").
			Do("connect with a client certificate")
	}
	return h.cfg.Authenticate(token, h.cfg.Now())
}

// byCertificate trusts what the handshake verified, as long as it is valid.
func (h *Handler) byCertificate(cert *x509.Certificate) (identity.Principal, error) {
	if now := h.cfg.Now(); now.After(cert.NotAfter) {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "certificate_expired", "the client certificate expired at %s", cert.NotAfter.UTC().Format(time.RFC3339)).
			Do("connect again with a new one")
	}
	print := sha256.Sum256(cert.Raw)
	p := serviceFor("certificate:"+hex.EncodeToString(print[:8]), nameOf(cert), h.cfg.Certificates.Regions(cert)...)
	if len(p.Grants[0].Regions) == 0 {
		return identity.Principal{}, fault.New(fault.Forbidden, "certificate_without_region", "the client certificate %q stands for no region", p.Name).
			Do("use one issued for a region, or have it added to the list of certificates")
	}
	return p, nil
}

func (h *Handler) byNetwork() (identity.Principal, error) {
	if h.cfg.TrustedRegion == "" {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "unauthenticated", "a credential is needed to evaluate capabilities").
			Do("connect with a client certificate, or send a token as `Authorization: Bearer …`")
	}
	return serviceFor("network", "the trusted network", h.cfg.TrustedRegion), nil
}

// serviceFor is a portal service of some regions: it may evaluate, and nothing
// else.
func serviceFor(id, name string, regions ...string) identity.Principal {
	return identity.Principal{ID: id, Name: name, Grants: []identity.Grant{{Role: identity.Service, Regions: regions}}}
}

// selectorHeader beats the selector of a request's body.
const selectorHeader = "Flagd-Selector"

// regionFor is the region that a request is about, if the caller may evaluate
// there. Errors are faults: Invalid for a selector that names none,
// Unauthenticated, Forbidden.
func (h *Handler) regionFor(c caller, header http.Header, inBody string) (string, error) {
	who, err := c.who()
	if err != nil {
		return "", err
	}
	selector := header.Get(selectorHeader)
	if selector == "" {
		selector = inBody
	}
	find := func(selector string) (string, error) { return regionOf(selector, who) }
	if h.cfg.Select != nil {
		find = h.cfg.Select
	}
	region, err := find(selector)
	if err != nil {
		return "", err
	}
	return region, identity.Can(who, identity.Evaluate, identity.Target{Kind: "region", Region: region})
}

func regionOf(selector string, who identity.Principal) (string, error) {
	if selector != "" {
		region, ok := strings.CutPrefix(selector, "flagSetId=")
		if !ok || region == "" || strings.ContainsAny(region, ",=") {
			return "", fault.New(fault.Invalid, "bad_selector", "the selector %.80q names no region", selector).Do("use the selector flagSetId=REGION")
		}
		return region, nil
	}
	if regions, every := who.Regions(identity.Service); !every && len(regions) == 1 {
		return regions[0], nil
	}
	return "", fault.New(fault.Invalid, "region_needed", "the credential covers several regions and the request names none").
		Do("set the selector of the provider to flagSetId=REGION")
}

// regionsFor is the regions whose changes an event stream tells. The official
// providers name no region when they open it, even those that do with every
// question; then it is every region that the caller may ask about, and a change
// in another than their own makes them ask again for nothing.
func (h *Handler) regionsFor(c caller, header http.Header) ([]string, error) {
	if header.Get(selectorHeader) == "" {
		who, err := c.who()
		if err != nil {
			return nil, err
		}
		if regions, err := h.covered(who); err != nil || len(regions) > 1 {
			return regions, err
		}
	}
	region, err := h.regionFor(c, header, "")
	return []string{region}, err
}

// covered lists the regions that somebody may ask about as a service.
func (h *Handler) covered(who identity.Principal) ([]string, error) {
	regions, every := who.Regions(identity.Service)
	if every {
		all, err := h.cfg.Source.Regions()
		if err != nil {
			return nil, err
		}
		regions = all
	}
	for _, region := range regions {
		if err := identity.Can(who, identity.Evaluate, identity.Target{Kind: "region", Region: region}); err != nil {
			return nil, err
		}
	}
	return regions, nil
}
