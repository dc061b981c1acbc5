package flagd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"

	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// tokens of the tests: each is the regions it covers.
func tokens(c *flagd.Config) {
	c.Authenticate = func(token string, _ time.Time) (identity.Principal, error) {
		regions, ok := strings.CutPrefix(token, "for:")
		if !ok {
			return identity.Principal{}, fault.New(fault.Unauthenticated, "unknown_token", "the token is not known")
		}
		return identity.Principal{ID: "token:1", Name: "portal", Grants: []identity.Grant{{Role: identity.Service, Regions: strings.Split(regions, ",")}}}, nil
	}
}

// regionSite serves in each region one flag, which says where it is.
func regionSite(t *testing.T, change ...func(*flagd.Config)) *site {
	s := newSite(t, append([]func(*flagd.Config){tokens}, change...)...)
	for _, region := range []string{"co", "hi"} {
		s.put(region, `{"where": {"state": "ENABLED", "variants": {"v": "`+region+`"}, "defaultVariant": "v"}}`)
	}
	return s
}

func where(ctx context.Context, w way, url string, headers ...string) string {
	resp, err := w.v2(url).ResolveString(ctx, request(&v2.ResolveStringRequest{FlagKey: "where"}, headers...))
	if err != nil {
		return connect.CodeOf(err).String()
	}
	return resp.Msg.GetValue()
}

// Who asks with what, for which region, and what becomes of it. The network is
// trusted with co.
func TestTheCredentialDecidesTheRegion(t *testing.T) {
	s := regionSite(t)
	for _, c := range []struct{ token, selector, want string }{
		{"", "", "co"},
		{"", "flagSetId=co", "co"},
		{"", "flagSetId=hi", "permission_denied"},
		{"for:hi", "", "hi"},
		{"for:hi", "flagSetId=hi", "hi"},
		{"for:hi", "flagSetId=co", "permission_denied"}, // the network's region is not the token's
		{"for:co,hi", "flagSetId=hi", "hi"},
		{"for:co,hi", "", "invalid_argument"},
		{"for:*", "flagSetId=co", "co"},
		{"for:*", "", "invalid_argument"},
		{"for:*", "flagSetId=mars", "not_found"},
		{"stolen", "flagSetId=co", "unauthenticated"}, // never falls back to the network
		{"", "flagSetId=", "invalid_argument"},
		{"", "source=x", "invalid_argument"},
		{"", "co", "invalid_argument"}, // a bare word is a source
		{"", "flagSetId=co,flagSetId=hi", "invalid_argument"},
	} {
		headers := []string{"Flagd-Selector", c.selector}
		if c.token != "" {
			headers = append(headers, "Authorization", "Bearer "+c.token)
		}
		for _, w := range ways(t) {
			if got := where(limited(t), w, s.url, headers...); got != c.want {
				t.Errorf("%s: token %q, selector %q: %s, want %s", w.name, c.token, c.selector, got, c.want)
			}
		}
	}
	if got := where(limited(t), ways(t)[0], s.url, "X-Api-Key", "for:hi"); got != "hi" {
		t.Errorf("by X-API-Key: %s", got)
	}
	if got := where(limited(t), ways(t)[0], s.url, "Authorization", "Basic Zm9yOmhp"); got != "unauthenticated" {
		t.Errorf("by another scheme: %s", got)
	}
}

// The selector of the body is for older providers; the header goes before it.
func TestTheHeaderGoesBeforeTheBody(t *testing.T) {
	s := regionSite(t)
	w, ctx := ways(t)[0], limited(t)
	fetch := func(body string, headers ...string) string {
		//lint:ignore SA1019 older providers send it
		resp, err := w.sync(s.url).FetchAllFlags(ctx, request(&syncv1.FetchAllFlagsRequest{Selector: body}, append(headers, "Authorization", "Bearer for:co,hi")...))
		if err != nil {
			return connect.CodeOf(err).String()
		}
		return resp.Msg.GetFlagConfiguration()
	}
	if got := fetch("flagSetId=hi"); !strings.Contains(got, `"v":"hi"`) {
		t.Errorf("by the body: %s", got)
	}
	if got := fetch("flagSetId=hi", "Flagd-Selector", "flagSetId=co"); !strings.Contains(got, `"v":"co"`) {
		t.Errorf("by both: %s", got)
	}
}

// An event stream that names no region, as the official providers open it, tells
// of every region that the credential covers, and of no other.
func TestAnEventStreamWithoutRegionTellsOfAllThatTheCredentialCovers(t *testing.T) {
	s := regionSite(t)
	ctx, w := limited(t), ways(t)[0]
	both := w.events2(ctx, s.url, "Authorization", "Bearer for:co,hi")
	every := w.events2(ctx, s.url, "Authorization", "Bearer for:*")
	one := w.events2(ctx, s.url, "Authorization", "Bearer for:co")
	for _, h := range []*heard{both, every, one} {
		if m := h.next(t); m["type"] != "provider_ready" {
			t.Fatal(m)
		}
	}
	s.put("hi", `{"new": `+onFlag+`}`)
	for _, h := range []*heard{both, every} {
		if m := h.next(t); m["type"] != "configuration_change" {
			t.Errorf("a change in hi: %v", m)
		}
	}
	one.silence(t)
	s.put("ca", `{"other": `+onFlag+`}`) // a new region
	if m := every.next(t); m["type"] != "configuration_change" {
		t.Errorf("a new region: %v", m)
	}
	both.silence(t)
}

func TestWithoutTrustNobodyIsServedWithoutCredential(t *testing.T) {
	s := regionSite(t, func(c *flagd.Config) { c.TrustedRegion = "" })
	for _, w := range ways(t) {
		if got := where(limited(t), w, s.url, "Flagd-Selector", "flagSetId=co"); got != "unauthenticated" {
			t.Errorf("%s: %s", w.name, got)
		}
	}
}

// authority issues certificates, for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{}
	a.cert, a.key = a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) issue(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// client is a certificate of somebody with a name and organizational units.
func (a *authority) client(t *testing.T, name string, units ...string) tls.Certificate {
	cert, key := a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: name, OrganizationalUnit: units}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a *authority) server(t *testing.T) *tls.Config {
	cert, key := a.issue(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		ClientCAs: a.pool(), ClientAuth: tls.VerifyClientCertIfGiven}
}

// A certificate stands for the regions of its organizational units, or of the
// list, over HTTP/1.1 and HTTP/2.
func TestACertificateStandsForRegions(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	list, err := flagd.ReadCertificates(strings.NewReader("# who   what\n\nlisted  hi\nboth co hi\nanywhere *\n"))
	if err != nil {
		t.Fatal(err)
	}
	units := regionSite(t, func(c *flagd.Config) { c.TrustedRegion = "" })
	listed := regionSite(t, func(c *flagd.Config) { c.TrustedRegion, c.Certificates = "", list })
	byUnit, byList := "https://"+units.listen(a.server(t)), "https://"+listed.listen(a.server(t))
	for _, c := range []struct {
		url, name string
		units     []string
		selector  string
		want      string
	}{
		{byUnit, "portal", []string{"co"}, "", "co"},
		{byUnit, "portal", []string{"co"}, "flagSetId=hi", "permission_denied"},
		{byUnit, "portal", []string{"co", "hi", "IT Department"}, "flagSetId=hi", "hi"},
		{byUnit, "portal", []string{"IT Department"}, "flagSetId=co", "permission_denied"},
		{byUnit, "portal", []string{"*"}, "flagSetId=co", "permission_denied"}, // only a list can say everywhere
		{byUnit, "portal", nil, "", "permission_denied"},
		{byList, "listed", []string{"co"}, "", "hi"}, // the unit does not count
		{byList, "both", nil, "flagSetId=co", "co"},
		{byList, "anywhere", nil, "flagSetId=hi", "hi"},
		{byList, "unlisted", []string{"co"}, "flagSetId=co", "permission_denied"},
	} {
		for _, h2 := range []bool{false, true} {
			secure := &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.client(t, c.name, c.units...)}}
			w := way{client: client(t, h2, secure), options: map[bool][]connect.ClientOption{true: {connect.WithGRPC()}}[h2]}
			if got := where(limited(t), w, c.url, "Flagd-Selector", c.selector); got != c.want {
				t.Errorf("%s %v, HTTP/2 %v, selector %q: %s, want %s", c.name, c.units, h2, c.selector, got, c.want)
			}
		}
	}
	nobody := way{client: client(t, true, &tls.Config{RootCAs: a.pool()}), options: []connect.ClientOption{connect.WithGRPC()}}
	if got := where(limited(t), nobody, byUnit); got != "unauthenticated" {
		t.Errorf("without a certificate: %s", got)
	}
	if got := where(limited(t), nobody, byUnit, "Authorization", "Bearer for:hi"); got != "hi" {
		t.Errorf("with a token instead: %s", got)
	}
	forged := way{client: client(t, false, &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{stranger.client(t, "portal", "co")}})}
	if got := where(limited(t), forged, byUnit); got == "co" {
		t.Error("a certificate of another authority is believed")
	}
}

// A certificate that expires ends the stream that it opened.
func TestAnExpiredCertificateEndsItsStream(t *testing.T) {
	var later atomic.Int64
	s := regionSite(t, func(c *flagd.Config) {
		c.TrustedRegion = ""
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	a := newAuthority(t)
	url := "https://" + s.listen(a.server(t))
	w := way{client: client(t, true, &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.client(t, "portal", "co")}}), options: []connect.ClientOption{connect.WithGRPC()}}
	h := w.syncs(limited(t), url, &syncv1.SyncFlagsRequest{})
	h.next(t)
	later.Store(int64(2 * time.Hour))
	s.put("co", `{"a": `+onFlag+`}`)
	if m := h.next(t); m["code"] != "unauthenticated" {
		t.Errorf("went on with %v", m)
	}
}

func TestAListOfCertificatesThatCannotBeMeant(t *testing.T) {
	for list, what := range map[string]string{
		"portal":            "line 1: portal stands for no region",
		"a co\n\na hi":      "line 3: a is listed twice",
		"portal Colorado":   "line 1: Colorado is no region's key",
		"portal co;hi":      "line 1: co;hi is no region's key",
		"portal flagSetId=": "line 1: flagSetId= is no region's key",
	} {
		_, err := flagd.ReadCertificates(strings.NewReader(list))
		if err == nil || !strings.Contains(err.Error(), what) || !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want %s", list, err, what)
		}
	}
}
