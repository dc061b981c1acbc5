package edge

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
)

// listen takes the addresses.
func (e *Edge) listen() error {
	host := e.cfg.Host
	if host == "" {
		host = "127.0.0.1"
	}
	for name, port := range map[string]int{"--port": e.cfg.Evaluation, "--management-port": e.cfg.Management, "--sync-port": e.cfg.Sync, "--ofrep-port": e.cfg.OFREP} {
		if port < 0 {
			continue
		}
		address := net.JoinHostPort(host, strconv.Itoa(port))
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fault.New(fault.Invalid, "cannot_listen", "the address %q cannot be listened on: %v", address, err).Do("choose another with %s", name).At(name)
		}
		e.listeners[name] = l
	}
	if tcp, ok := e.anyAddr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && e.directory.network.Known() {
		e.cfg.Log.Warn("flags are served without credentials to whoever reaches this address", "host", host)
	}
	return nil
}

func (e *Edge) anyAddr() net.Addr {
	for _, l := range e.listeners {
		return l.Addr()
	}
	return nil
}

// serve answers on the addresses until Close.
func (e *Edge) serve() {
	router := chi.NewRouter()
	api.Use(router, api.Config{Now: e.cfg.Now, Log: e.cfg.Log, Registry: e.registry, Direct: e.ofrep.Serve})
	router.Get("/healthz", alive)
	management := http.NewServeMux()
	management.HandleFunc("GET /healthz", alive)
	management.HandleFunc("GET /readyz", e.readyz)
	management.Handle("GET /metrics", promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{}))
	e.run("--port", flagd.NewServer(e.flagd.Evaluation(), e.secure))
	e.run("--sync-port", flagd.NewServer(e.flagd.Sync(), e.secure))
	for name, handler := range map[string]http.Handler{"--ofrep-port": router, "--management-port": management} {
		server := api.NewHTTPServer(handler)
		server.TLSConfig = e.secure
		e.run(name, server)
	}
}

func (e *Edge) run(name string, server *http.Server) {
	l := e.listeners[name]
	if l == nil {
		return
	}
	e.servers = append(e.servers, server)
	front := api.Front{Hosts: e.cfg.Hosts, Log: e.cfg.Log}
	e.running.Go(func() {
		if err := front.Serve(server, l); err != nil {
			select {
			case e.failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err):
			default: // one failure is enough to stop
			}
		}
	})
}

func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// Health is what /readyz answers.
type Health struct {
	Ready       bool      `json:"ready"` // every source has been read: evaluation works
	Fresh       bool      `json:"fresh"` // the sources are in contact
	LastContact time.Time `json:"last_contact,omitzero"`
}

func (e *Edge) health() Health {
	h := Health{Ready: e.worlds.world() != nil}
	h.Fresh, h.LastContact = e.worlds.Fresh()
	h.LastContact = h.LastContact.UTC()
	return h
}

func (e *Edge) readyz(w http.ResponseWriter, _ *http.Request) {
	h := e.health()
	w.Header().Set("Content-Type", "application/json")
	if !h.Ready {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h)
}
