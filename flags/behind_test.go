package flags_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
	"github.com/quorate/quorate/internal/kv/kvtest"
)

// A replica whose feed is late answers a change that is done as done.
func TestAReplicaThatIsBehindAnswersADoneChangeAsDone(t *testing.T) {
	etcd := kvtest.Etcd(t)
	a := houseOn(t, kvtest.Open(t, etcd, kv.Config{}))
	a.furnish("messages")
	a.enable(coLead, "co", "messages")
	// b has loaded and then lost its feed
	store := kvtest.Open(t, etcd, kv.Config{})
	f := store.NewFollower()
	replica := flags.NewReplica(f, time.Now, log, nil)
	run, stop := context.WithCancel(context.Background())
	fin := make(chan struct{})
	go func() { defer close(fin); f.Run(run) }()
	<-f.Ready()
	stop()
	<-fin
	g := gate.New(store, gate.Unregulated{}, time.Now, log, nil)
	g.SettleOn(f)
	router := chi.NewRouter()
	api.Use(router, api.Config{Now: time.Now, Log: log})
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), coLead.Actor)))
		})
	})
	flags.Routes(api.New(router, "t"), flags.NewService(g, replica, time.Now))
	a.must(a.SetCapability(ctx, operator, capability("video_visit")))
	a.must(a.GrantOffer(ctx, operator, "video_visit", flags.Full))
	call := func(m, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(m, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		return w
	}
	w := call("PUT", "/api/v1/regions/co/enablements/video_visit", `{"answer":"enable","reason":"x"}`)
	st, _ := a.replica.Snapshot().Standing("co", "video_visit", time.Now())
	if st.On && w.Code != 200 {
		t.Errorf("applied, and answered %d %s", w.Code, w.Body)
	}
	w = call("POST", "/api/v1/regions/co/enablements/messages/off", `{"reason":"x"}`)
	if strings.Contains(w.Body.String(), `"on":true`) {
		t.Errorf("turned off, and answered %d %s", w.Code, w.Body)
	}
}
