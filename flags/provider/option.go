package provider

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/quorate/quorate/flags/provider/upstream"
)

// An Option changes what New makes.
type Option func(*options)

type options struct {
	upstream upstream.Config
	hooks    []openfeature.Hook
	tracking string        // base address of the API; "": off
	wait     time.Duration // for the first set, if the context says nothing
	settle   time.Duration // after start, before its status is told again
}

// WithRegion chooses the region (flag set), "co". Without it, it is the only one
// that the credential covers.
func WithRegion(region string) Option { return func(o *options) { o.upstream.Region = region } }

// WithTLS says how to speak https: whom to trust, and with which certificate of
// our own, which stands for our regions.
func WithTLS(cfg *tls.Config) Option { return func(o *options) { o.upstream.TLS = cfg } }

// WithToken sends a service's token, qrt_…, to the stream and with use. Let it go
// over https only.
func WithToken(token string) Option { return func(o *options) { o.upstream.Token = token } }

// WithFile keeps the last good set in a file of this provider's own, readable by
// its owner alone. Its directory must exist.
func WithFile(path string) Option { return func(o *options) { o.upstream.File = path } }

// WithMaxBytes bounds the size of a set that is taken; otherwise it is 16 MiB.
func WithMaxBytes(n int) Option { return func(o *options) { o.upstream.MaxBytes = n } }

// WithTracking sends use to the server's API, "https://quorate.internal:8080".
// Without it Track does nothing.
func WithTracking(url string) Option { return func(o *options) { o.tracking = url } }

// WithHooks adds hooks that run at every evaluation.
func WithHooks(hooks ...openfeature.Hook) Option {
	return func(o *options) { o.hooks = append(o.hooks, hooks...) }
}

// WithLogger says where to log; otherwise it is slog.Default. No value of a
// context is ever logged.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.upstream.Log = log } }

// WithName is what the server's log may call this service.
func WithName(name string) Option { return func(o *options) { o.upstream.Name = name } }

// WithPatience says how long start waits for the first set, where its context has
// no deadline; otherwise it is 10 seconds.
func WithPatience(d time.Duration) Option { return func(o *options) { o.wait = d } }

// WithClock replaces time.Now, for tests.
func WithClock(now func() time.Time) Option { return func(o *options) { o.upstream.Now = now } }
