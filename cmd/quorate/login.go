package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

// loginTime is how long a person may take in the browser.
const loginTime = 5 * time.Minute

func newLoginCommand(c *cli) *cobra.Command {
	var fresh, noBrowser bool
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in as a person, in the browser",
		Long: `Sign in at your organisation, in the browser of this machine. The command line then
acts as you, with a token that ends after 12 hours at the latest and is kept in your
own folder, readable by you alone. It is sent to no server but the one it is from.

A token that is set otherwise (--token, QUORATE_TOKEN, the file of options) comes
first.`,
		Example: `  quorate login --url https://quorate.example.org
  quorate login --fresh`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := client.New(c.url, "")
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), loginTime)
			defer cancel()
			signed, err := c.signIn(ctx, server, fresh, noBrowser)
			if err != nil {
				return err
			}
			if err := c.keepSignIn(server.Base(), signed); err != nil {
				return err
			}
			c.token = signed.Secret
			who, err := ask(c, func(s *client.Client) (client.Answer[client.Who], error) { return s.Whoami(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(who.Value, who.Raw, func(p *page) {
				p.line("You are signed in as %s until %s.", who.Value.Name, moment(signed.Expires))
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&fresh, "fresh", false, "prove again who you are, for what asks for a sign-in of the last minutes")
	f.BoolVar(&noBrowser, "no-browser", false, "only say the address to open")
	return cmd
}

// signIn has the person sign in in the browser, and takes the sign-in over. The
// browser brings a code to a port of this machine; whoever else might see it lacks
// the verifier, which never leaves this process but to the server.
func (c *cli) signIn(ctx context.Context, server *client.Client, fresh, noBrowser bool) (client.SignedIn, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return client.SignedIn{}, fault.New(fault.Internal, "no_port", "no port of this machine can be listened on").Because(err)
	}
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	address := server.BeginSignIn(port, base64.RawURLEncoding.EncodeToString(sum[:]), state, fresh)

	codes := make(chan string, 1)
	web := &http.Server{Handler: takeCode(state, server.Base(), codes), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = web.Serve(listener) }() // ends with Close
	defer func() {
		end, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = web.Shutdown(end) // the browser is given the page it waits for
	}()

	fmt.Fprintf(c.stderr, "Sign in at this address:\n\n  %s\n\n", address)
	if !noBrowser {
		openBrowser(address)
	}
	select {
	case code := <-codes:
		signed, err := server.RedeemSignIn(ctx, code, verifier)
		return signed.Value, err
	case <-ctx.Done():
		return client.SignedIn{}, fault.New(fault.Unauthenticated, "no_sign_in", "nobody signed in").Do("say `quorate login` again")
	}
}

// takeCode takes the code that the browser brings, if it belongs to this sign-in,
// once.
func takeCode(state, server string, codes chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		q := r.URL.Query()
		code := q.Get("code")
		if r.Method != http.MethodGet || r.URL.Path != "/" || code == "" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintln(w, "This is not the answer to a `quorate login` that waits here.")
			return
		}
		select {
		case codes <- code:
			fmt.Fprintf(w, "You are signed in at %s on the command line. You can close this page.\n", server)
		default:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintln(w, "This answer has been taken already.")
		}
	})
}

// openBrowser tries; the address was said as well.
func openBrowser(address string) {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	if cmd := exec.Command(name, args...); cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // it may go on for as long as the browser does
	}
}

func newLogoutCommand(c *cli) *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use:     "logout",
		Short:   "Sign out, here or everywhere",
		Long:    `End the sign-in of ` + "`quorate login`" + `, at the server and here. With --everywhere all of yours end, in browsers too.`,
		Example: "  quorate logout --everywhere",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := client.New(c.url, "")
			if err != nil {
				return err
			}
			kept, err := c.keptSignIn(server.Base())
			if err != nil {
				return err
			}
			if kept == "" {
				return fault.New(fault.Unauthenticated, "signed_out", "you are not signed in at %s", server.Base()).Do("say `quorate login`")
			}
			if server, err = client.New(c.url, kept); err != nil {
				return err
			}
			err = server.SignOut(cmd.Context(), everywhere)
			if err != nil && !fault.Is(err, fault.Unauthenticated) { // that one has ended by itself
				return err
			}
			if err := c.forgetSignIn(server.Base()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.stdout, "You are signed out at %s.\n", server.Base())
			return err
		},
	}
	cmd.Flags().BoolVar(&everywhere, "everywhere", false, "end all your sign-ins, in browsers and on other machines too")
	return cmd
}
