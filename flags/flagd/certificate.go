package flagd

import (
	"bufio"
	"crypto/x509"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// Certificates says which regions a client certificate stands for. The zero
// value goes by the certificate's own subject: each organizational unit (OU) that
// has the form of a region's key is one, so that OU=co stands for the region co.
// That is right for an authority that issues certificates for Quorate alone. For
// any other, a list names who stands for what (ReadCertificates), and then
// nothing but the list counts.
type Certificates struct {
	listed map[string][]string // name → regions; nil: by organizational unit
}

var regionKey = regexp.MustCompile(`^[a-z][a-z0-9]{1,15}$`)

// Regions lists the regions that a verified certificate stands for.
func (c Certificates) Regions(cert *x509.Certificate) []string {
	var regions []string
	if c.listed == nil {
		regions = append(regions, cert.Subject.OrganizationalUnit...)
		return slices.DeleteFunc(regions, func(ou string) bool { return !regionKey.MatchString(ou) })
	}
	for _, name := range namesOf(cert) {
		regions = append(regions, c.listed[name]...)
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

// namesOf are the names by which a list can know a certificate: its common name
// and its alternative names of the kinds DNS and URI (SPIFFE).
func namesOf(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, u := range cert.URIs {
		names = append(names, u.String())
	}
	if cn := cert.Subject.CommonName; cn != "" && !slices.Contains(names, cn) {
		names = append(names, cn)
	}
	return names
}

// nameOf is a certificate's name for people.
func nameOf(cert *x509.Certificate) string {
	if names := namesOf(cert); len(names) > 0 {
		return names[len(names)-1]
	}
	return "serial " + cert.SerialNumber.String()
}

// ReadCertificates reads a list of certificates, one a line: the name, then the
// regions it stands for, or * for all of them. Empty lines and lines that begin
// with # are for people.
//
//	# name                               regions
//	portal.co.example.org                co
//	spiffe://example.org/portal/west     co hi
//
// Errors are faults of the kind Invalid that name the line.
func ReadCertificates(r io.Reader) (Certificates, error) {
	c := Certificates{listed: map[string][]string{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := c.add(words[0], words[1:]); err != nil {
			return Certificates{}, fault.New(fault.Invalid, "bad_certificate_list", "line %d: %v", n, err).
				Do("write a certificate's name and its regions, separated by spaces")
		}
	}
	if err := lines.Err(); err != nil {
		return Certificates{}, fault.New(fault.Invalid, "bad_certificate_list", "the list of certificates cannot be read: %v", err)
	}
	return c, nil
}

func (c Certificates) add(name string, regions []string) error {
	switch _, twice := c.listed[name]; {
	case twice:
		return plainError(name + " is listed twice")
	case len(regions) == 0:
		return plainError(name + " stands for no region")
	}
	for _, r := range regions {
		if r != identity.Every && !regionKey.MatchString(r) {
			return plainError(r + " is no region's key")
		}
	}
	c.listed[name] = regions
	return nil
}
