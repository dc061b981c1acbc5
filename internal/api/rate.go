package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// Rates say how often one may ask, in requests a second. A burst may use up what
// two seconds allow; of guesses, ten seconds.
type Rates struct {
	Caller  int // of one principal; 0 means DefaultCaller
	Address int // of one address, without a credential; 0 means DefaultAddress
	Guesses int // of one address, with credentials that are not accepted; 0 means DefaultGuesses
	// Free tells requests that are never counted, such as probes. nil: none.
	Free func(*http.Request) bool
}

// The defaults are far above what people and their programs need: they are there
// so that one of them cannot use up a replica. Evaluation has its own.
const (
	DefaultCaller  = 500
	DefaultAddress = 200
	DefaultGuesses = 10
)

func orDefault(given, otherwise int) int {
	if given == 0 {
		return otherwise
	}
	return given
}

// LimitRates lets each caller ask so often: a principal by its id, whoever is not
// known by the address. It comes after the middleware that finds out who asks.
// What a proxy says about addresses is not believed, since anybody can say it.
func LimitRates(now func() time.Time, rates Rates) func(http.Handler) http.Handler {
	callers := newLimiter(orDefault(rates.Caller, DefaultCaller), 2*time.Second)
	addresses := newLimiter(orDefault(rates.Address, DefaultAddress), 2*time.Second)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rates.Free != nil && rates.Free(r) {
				next.ServeHTTP(w, r)
				return
			}
			wait := time.Duration(0)
			if p := PrincipalFrom(r.Context()); p.Known() {
				wait = callers.take(p.ID, now())
			} else {
				wait = addresses.take(peerOf(r.RemoteAddr), now())
			}
			if wait > 0 {
				Problem(w, r, tooOften(wait))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func tooOften(wait time.Duration) *fault.Error {
	return fault.New(fault.RateLimited, "rate_limited", "too many requests").Do("wait for as long as Retry-After says").Wait(wait)
}

// tooManyGuesses answers a credential that is not accepted with less than that,
// once an address has sent many of them. Credentials that are accepted are not
// held up: who shares an address with a guesser is not locked out.
func tooManyGuesses(ctx context.Context, f *fault.Error) *fault.Error {
	q := requestOf(ctx)
	if f.Kind != fault.Unauthenticated || q == nil || !q.sent || q.guesses == nil {
		return f
	}
	wait := q.guesses.take(peerOf(q.from), q.now())
	if wait == 0 {
		return f
	}
	return fault.New(fault.RateLimited, "too_many_bad_credentials", "too many credentials that are not accepted came from this address").
		Do("check the credential before it is sent again").Wait(wait)
}

func hasCredential(h http.Header) bool {
	return h.Get("Authorization") != "" || h.Get("X-Api-Key") != ""
}

// peerOf is whom a connection is with: the address, or of IPv6 the network of 64
// bits, which is what one household or machine is given.
func peerOf(remote string) string { return networkOf(remote).String() }

func networkOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	host, _, _ = strings.Cut(host, "%")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{} // a socket file: all are one
	}
	addr, bits := addr.Unmap(), 32
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits)
	return network
}

// limiter lets each name ask so many times a second, with a burst (the generic
// cell rate algorithm: one time for each name says up to when its requests are
// used up). A name that is no longer held up is forgotten.
type limiter struct {
	gap, burst time.Duration

	mu     sync.Mutex
	usedUp map[string]time.Time // by name
	swept  time.Time
}

// maxNames bounds the memory of a limiter, to some 10 MB. Beyond it, names that
// are not known share one.
const maxNames = 100_000

func newLimiter(perSecond int, burst time.Duration) *limiter {
	return &limiter{gap: max(1, time.Second/time.Duration(perSecond)), burst: burst, usedUp: map[string]time.Time{}}
}

// take uses up one request, or says how long to wait for one.
func (l *limiter) take(name string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	old, known := l.usedUp[name]
	if !known && len(l.usedUp) >= maxNames {
		name = ""
		old = l.usedUp[name]
	}
	if old.Before(now) || old.After(now.Add(l.burst)) { // rested; or the clock was set back
		old = now
	}
	next := old.Add(l.gap)
	if wait := next.Sub(now) - l.burst; wait > 0 {
		return wait
	}
	l.usedUp[name] = next
	return 0
}

// sweep forgets who has rested, once in a while.
func (l *limiter) sweep(now time.Time) {
	if since := now.Sub(l.swept); since >= 0 && since < l.burst {
		return
	}
	l.swept = now
	for name, upTo := range l.usedUp {
		if !upTo.After(now) {
			delete(l.usedUp, name)
		}
	}
}
