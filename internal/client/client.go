package client

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// Client asks one server as one principal. It is safe for concurrent use.
type Client struct {
	// Patience is how long a change is sent again while its outcome is not known
	// or the server cannot be reached; 0: it is sent once. Reads are never
	// repeated.
	Patience time.Duration
	// Now dates the keys of changes, which a server takes for a day; nil: time.Now.
	Now func() time.Time

	base  *url.URL
	token string
	http  *http.Client
}

// Answer is what an operation answered: typed, and as it was sent.
type Answer[T any] struct {
	Value T
	Raw   json.RawMessage
}

const (
	answerTime = 12 * time.Second // a little more than a server gives one request
	maxAnswer  = 32 << 20
)

// New makes a client for the server at address; token may be empty.
func New(address, token string) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fault.New(fault.Invalid, "bad_url", "the address of the server%s is not one", shown(address)).
			Do("set --url to one such as https://quorate.example.org").At("--url")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fault.New(fault.Invalid, "bad_token", "the token holds characters that no token has").
			Do("set QUORATE_TOKEN to one that begins with qrt_").At("--token")
	}
	return &Client{Patience: 15 * time.Second, base: base, token: token, http: newHTTP()}, nil
}

// shown quotes an address, unless it may hold a password.
func shown(address string) string {
	if strings.ContainsAny(address, "@?#") {
		return ""
	}
	return fmt.Sprintf(", %.80q,", address)
}

// newHTTP follows no redirect: a token is for the server it was given for.
func newHTTP() *http.Client {
	return &http.Client{
		Timeout: answerTime,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
			TLSHandshakeTimeout:   3 * time.Second,
			ResponseHeaderTimeout: answerTime,
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// at is the address of a path below the server's; each part is one segment,
// whatever characters it has.
func (c *Client) at(parts ...string) string {
	for i, p := range parts {
		parts[i] = segment(p)
	}
	return c.base.String() + "/" + strings.Join(parts, "/")
}

// segment escapes a part of a path. Dots alone would be taken for a step up.
func segment(part string) string {
	if part == "." || part == ".." {
		return strings.ReplaceAll(part, ".", "%2E")
	}
	return url.PathEscape(part)
}
