package ofrep_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/ofrep"
	"github.com/quorate/quorate/internal/identity"
)

// sink is a ResponseWriter that costs nothing.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { s.bytes += len(b); return len(b), nil }

type body struct{ strings.Reader }

func (*body) Close() error { return nil }

// request makes a request that can be served again and again.
func request(b *testing.B, path, token string, headers ...string) (r *http.Request, rewind func()) {
	b.Helper()
	text := &body{}
	r, err := http.NewRequest("POST", path, text)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	r.ContentLength = int64(len(full))
	return r, func() { text.Reset(full) }
}

func (h *house) serveMany(b *testing.B, want int, r *http.Request, rewind func()) {
	b.ReportAllocs()
	for b.Loop() {
		rewind()
		w := &sink{header: http.Header{}}
		h.router.ServeHTTP(w, r)
		if w.status != want {
			b.Fatalf("status %d", w.status)
		}
	}
}

// unlimited: these benchmarks ask more often than a server can be asked.
func unlimited(cfg *ofrep.Config) { cfg.Rate = 1e9 }

// What one evaluation costs besides net/http: every step of a request, from the
// router to the bytes. The floor is the same request answered by a handler that
// reads the body and writes the same bytes.
func BenchmarkSingle(b *testing.B) {
	h := newHouse(b, unlimited)
	h.answer("co", flags.Enable)
	token := h.portal(identity.Every)
	r, rewind := request(b, one, token)
	b.Run("served", func(b *testing.B) { h.serveMany(b, 200, r, rewind) })
	b.Run("bare", func(b *testing.B) {
		h := &house{router: bare([]byte(h.send("POST", one, token, full).raw))}
		h.serveMany(b, 200, r, rewind)
	})
}

func bare(answer []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 512)
		for {
			if _, err := r.Body.Read(buffer); err != nil {
				break
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(200)
		_, _ = w.Write(answer)
	})
}

// A hundred flags in one answer, and the same answered 304.
func BenchmarkBulk(b *testing.B) {
	h := newHouse(b, unlimited)
	for i := range 24 { // with video_visit a hundred flags
		h.capability(fmt.Sprintf("capability_%d", i))
	}
	h.answer("co", flags.Enable)
	token := h.portal(identity.Every)
	tag := h.send("POST", all, token, full).header.Get("ETag")
	perFlag := func(b *testing.B) {
		b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "flags/s")
	}
	b.Run("evaluated", func(b *testing.B) {
		r, rewind := request(b, all, token)
		h.serveMany(b, 200, r, rewind)
		perFlag(b)
	})
	b.Run("unchanged", func(b *testing.B) {
		r, rewind := request(b, all, token, "If-None-Match", tag)
		h.serveMany(b, 304, r, rewind)
		perFlag(b)
	})
}
