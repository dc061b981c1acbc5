package access

import (
	"context"
	"net/http"
	"time"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
)

// Cookies names and makes the cookies of people's sign-ins. Over TLS they have the
// prefix __Host-, with which a browser keeps them to this very host and to TLS,
// whatever other hosts of the domain do. On plain http, which the configuration
// allows for this machine alone, there is no TLS to keep them to, and not every
// browser would take them; they go without the prefix and without Secure.
type Cookies struct{ Secure bool }

func (c Cookies) name(of string) string {
	if c.Secure {
		return "__Host-quorate-" + of
	}
	return "quorate-" + of
}

func (c Cookies) make(of, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{Name: c.name(of), Value: value, Path: "/", Secure: c.Secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second)}
}

func (c Cookies) value(r *http.Request, of string) string {
	found := r.CookiesNamed(c.name(of))
	if len(found) != 1 { // two of them: somebody else has set one
		return ""
	}
	return found[0].Value
}

func (c Cookies) clear(w http.ResponseWriter, of string) {
	cookie := c.make(of, "", 0)
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

// Session is the secret of the browser's session, "" if it sent none.
func (c Cookies) Session(r *http.Request) string { return c.value(r, "session") }

// SetSession gives the browser its session.
func (c Cookies) SetSession(w http.ResponseWriter, secret string) {
	http.SetCookie(w, c.make("session", secret, SessionLife))
}

// ClearSession takes it away.
func (c Cookies) ClearSession(w http.ResponseWriter) { c.clear(w, "session") }

// Attempt is the sealed sign-in that the browser has begun.
func (c Cookies) Attempt(r *http.Request) string { return c.value(r, "sign-in") }

// SetAttempt gives it to the browser.
func (c Cookies) SetAttempt(w http.ResponseWriter, sealed string) {
	http.SetCookie(w, c.make("sign-in", sealed, attemptLife))
}

// ClearAttempt takes it away.
func (c Cookies) ClearAttempt(w http.ResponseWriter) { c.clear(w, "sign-in") }

type sessionFaultKey struct{}

// SessionFault is why the session that a browser sent is not accepted, nil if it
// is or if none was sent.
func SessionFault(ctx context.Context) error {
	err, _ := ctx.Value(sessionFaultKey{}).(error)
	return err
}

// Sessions finds out which person a browser is, after Middleware has looked for a
// token. A session that is not accepted makes nobody of its sender; SessionFault
// says why. A request that would change something must come from a page of this
// server: the browser sends the cookie along whoever wrote the form.
func Sessions(dir *Directory, cookies Cookies, now func() time.Time) func(http.Handler) http.Handler {
	var origin http.CrossOriginProtection
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			secret := cookies.Session(r)
			if secret == "" || api.PrincipalFrom(r.Context()).Known() {
				next.ServeHTTP(w, r)
				return
			}
			if err := origin.Check(r); err != nil {
				api.Problem(w, r, fault.New(fault.Forbidden, "cross_origin", "the request was made by a page of another site").
					Do("go to the page itself and do it there").Because(err))
				return
			}
			ctx := r.Context()
			if p, err := dir.Session(secret, now()); err != nil {
				ctx = context.WithValue(ctx, sessionFaultKey{}, err)
			} else {
				ctx = api.WithPrincipal(ctx, p)
			}
			if ctx != r.Context() {
				r = r.WithContext(ctx)
			}
			next.ServeHTTP(w, r)
		})
	}
}
