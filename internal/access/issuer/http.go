package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// An Account is a role that can be chosen. It stands for an office, not a person.
type Account struct {
	Subject string   // stable; what makes the account the same one again
	Name    string   // "Colorado regional lead"
	Groups  []string // which a server maps to roles
	About   string   // one line for whoever chooses
}

// A Choice is what the page of accounts shows: the form posts request and
// account to Action.
type Choice struct {
	Action   string
	Request  string
	Again    bool   // the one who comes must confirm who it is
	Server   string // origin of the server that asks, where the choice leads
	Accounts []Account
}

// Config says what to run.
type Config struct {
	Listen   string // "127.0.0.1:0"
	Accounts []Account
	Now      func() time.Time // required
	// Page writes the page of accounts. nil: a plain list, for tests, which post
	// their choice without looking.
	Page func(http.ResponseWriter, *http.Request, Choice)
	// Assets is what that page needs, served below /static/. nil: nothing.
	Assets http.Handler
	Log    *slog.Logger // nil: nothing is logged
}

// An Issuer is a running identity provider.
type Issuer struct {
	URL          string // of the issuer, as it stands in its tokens
	ClientID     string
	ClientSecret string

	cfg      Config
	storage  *storage
	server   *http.Server
	listener net.Listener
	done     chan struct{}
}

// Start starts an issuer; Close ends it.
func Start(cfg Config) (*Issuer, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Page == nil {
		cfg.Page = plainPage
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("the demo's identity provider: %w", err)
	}
	i := &Issuer{URL: "http://" + listener.Addr().String(), ClientID: "quorate", ClientSecret: rand.Text(),
		cfg: cfg, listener: listener, done: make(chan struct{})}
	if i.storage, err = newStorage(i); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	handler, err := i.handler()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	i.server = &http.Server{Handler: http.MaxBytesHandler(handler, 64<<10), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)}
	go func() {
		defer close(i.done)
		_ = i.server.Serve(listener) // ends with Close
	}()
	return i, nil
}

// Register lets a server use the issuer: the one address that a person is sent
// back to.
func (i *Issuer) Register(redirectURI string) { i.storage.register(redirectURI) }

// Close ends the issuer.
func (i *Issuer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	err := i.server.Shutdown(ctx)
	if err != nil {
		err = i.server.Close()
	}
	<-i.done
	return err
}

const choosePath = "/choose"

func (i *Issuer) handler() (http.Handler, error) {
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, SupportedScopes: []string{"openid", "profile"}}
	copy(config.CryptoKey[:], rand.Text()+rand.Text())
	options := []op.Option{op.WithLogger(i.cfg.Log), op.WithCORSOptions(nil)}
	if strings.HasPrefix(i.URL, "http://") {
		options = append(options, op.WithAllowInsecure())
	}
	provider, err := op.NewProvider(config, i.storage, op.StaticIssuer(i.URL), options...)
	if err != nil {
		return nil, fmt.Errorf("the demo's identity provider: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", provider)
	mux.HandleFunc("GET "+choosePath, i.showAccounts)
	mux.HandleFunc("POST "+choosePath, i.takeChoice)
	if i.cfg.Assets != nil {
		mux.Handle("GET /static/", i.cfg.Assets)
	}
	return mux, nil
}

func (i *Issuer) showAccounts(w http.ResponseWriter, r *http.Request) {
	request, err := i.storage.request(r.FormValue("request"))
	if err != nil {
		http.Error(w, "This sign-in is over. Begin again.", http.StatusBadRequest)
		return
	}
	i.cfg.Page(w, r, Choice{Action: choosePath, Request: request.ID, Again: request.again(), Server: originOf(request.RedirectURI), Accounts: i.cfg.Accounts})
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func plainPage(w http.ResponseWriter, _ *http.Request, c Choice) {
	for _, a := range c.Accounts {
		_, _ = fmt.Fprintln(w, a.Subject, a.Name)
	}
}

// takeChoice takes the one who came for the account chosen, and sends the browser
// on with a code.
func (i *Issuer) takeChoice(w http.ResponseWriter, r *http.Request) {
	var origin http.CrossOriginProtection
	if err := origin.Check(r); err != nil {
		http.Error(w, "Choose an account on the page itself.", http.StatusForbidden)
		return
	}
	id := r.PostFormValue("request")
	if err := i.storage.choose(id, r.PostFormValue("account")); err != nil {
		http.Error(w, "This sign-in is over, or there is no such account. Begin again.", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/authorize/callback?id="+id, http.StatusSeeOther)
}
