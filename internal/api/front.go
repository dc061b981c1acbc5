package api

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// A Front is what stands before every listener, whatever is served on it: how
// many connections there may be, TLS, by which names the server may be called,
// and requests that say a thing twice. Its zero value is usable.
type Front struct {
	// Hosts are the names by which the server may be called, such as
	// "quorate.example.org" or "*.example.org"; "*" is any. Addresses, localhost,
	// and the name that is listened at are always right. A page whose name was made
	// to resolve to this server (DNS rebinding) calls it by that name.
	Hosts  []string
	Limits Limits
	Log    *slog.Logger // nil: slog.Default()
}

// Serve serves a listener until the server is closed, behind the front. With
// server.TLSConfig set it speaks TLS. It returns nil once the server was closed
// by Shutdown or Close.
func (f Front) Serve(server *http.Server, l net.Listener) error {
	log := f.Log
	if log == nil {
		log = slog.Default()
	}
	guarded := f.Limits.guard(l)
	server.Handler = f.handler(server.Handler, newHosts(f.Hosts, l.Addr()))
	server.ConnContext = withConn
	if server.ErrorLog == nil { // what strangers do wrong
		server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	serve := func() error { return server.Serve(guarded) }
	if server.TLSConfig != nil {
		serve = func() error { return server.ServeTLS(guarded, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// hsts tells browsers to use TLS alone, for a year.
var hsts = []string{"max-age=31536000"}

func (f Front) handler(next http.Handler, hosts hosts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.heard()
		}
		if r.TLS != nil {
			w.Header()["Strict-Transport-Security"] = hsts
		}
		if !hosts.allow(r.Host) {
			refuseHost(w, r)
			return
		}
		if name, twice := duplicated(r.Header); twice {
			Problem(w, r, fault.New(fault.Invalid, "duplicate_header", "the header %s stands more than once", name).Do("send it once").At(name))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func refuseHost(w http.ResponseWriter, r *http.Request) {
	d := detailsOf(r.Context(), fault.New(fault.Invalid, "host_not_allowed", "this server is not called %.100q", r.Host).
		Do("use one of its names; the operator lists them with --allowed-hosts").At("Host"))
	d.Status = http.StatusMisdirectedRequest
	answer(w, r, d)
}

type connKey struct{}

// withConn lets the handler find the connection that a request came over.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// hosts are the names that are allowed, in lower case; suffixes begin with a dot.
type hosts struct {
	any      bool
	names    map[string]bool
	suffixes []string
}

func newHosts(allowed []string, listening net.Addr) hosts {
	h := hosts{names: map[string]bool{"localhost": true}}
	if name, err := os.Hostname(); err == nil { // as those call it who share its network
		h.names[hostOf(name)] = true
	}
	if _, local := listening.(*net.UnixAddr); local {
		h.any = true // no page can reach it
	}
	for _, a := range allowed {
		name := hostOf(a)
		switch suffix, wild := strings.CutPrefix(name, "*"); {
		case name == "*":
			h.any = true
		case wild && strings.HasPrefix(suffix, "."):
			h.suffixes = append(h.suffixes, suffix)
		default:
			h.names[name] = true
		}
	}
	return h
}

// allow lets addresses pass: a page can only have the name that it was asked for,
// and rebinding needs one that is not an address. Without any Host there is no
// browser.
func (h hosts) allow(host string) bool {
	name := hostOf(host)
	if h.any || name == "" || h.names[name] {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for _, s := range h.suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// hostOf is a Host without its port, in lower case and without a last dot.
func hostOf(host string) string {
	host = strings.ToLower(strings.TrimSpace(host))
	if rest, ok := strings.CutPrefix(host, "["); ok {
		name, _, _ := strings.Cut(rest, "]")
		return name
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.Count(host, ":") == 1 {
		host = host[:i]
	}
	return strings.TrimSuffix(host, ".")
}

// NewHTTPServer is a server with the limits to time and size that all of ours
// have. Its caller may lengthen one, with the reason beside it.
func NewHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      30 * time.Second, // streams have a limit of their own for each write
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
	}
}
