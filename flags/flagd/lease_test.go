package flagd_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"

	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/flags/flagd"
)

// waning is a source that speaks for its state up to a moment that a test moves.
type waning struct {
	*flagd.Sets
	spoke atomic.Int64 // unix seconds
}

func (w *waning) Silence(at time.Time) time.Duration { return at.Sub(time.Unix(w.spoke.Load(), 0)) }

// strictAndNot is a set with one flag of a minute's lease and one without.
const strictAndNot = `{"flags":{
	"strict":{"state":"ENABLED","variants":{"on":true,"off":false,"stale":false},"defaultVariant":"off","metadata":{"lease":60},"targeting":{"if":[true,"on"]}},
	"other":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[true,"on"]}}}}`

// A strict flag is off once its source has been silent for as long as its lease,
// on to the second, and on again when the source is heard; no other is touched.
// Whoever listens is told both times.
func TestALeaseRunsOut(t *testing.T) {
	var clock atomic.Int64 // unix seconds
	source := &waning{Sets: &flagd.Sets{}}
	source.Put("co", compile(t, strictAndNot))
	began := time.Now().Unix() + 10 // deadlines of streams go by this clock too
	clock.Store(began)
	source.spoke.Store(began)
	s := newSite(t, func(c *flagd.Config) {
		c.Source, c.Now = source, func() time.Time { return time.Unix(clock.Load(), 0) }
	})
	w := ways(t)[0]
	events := w.events2(limited(t), s.url)
	if got := events.next(t); got["type"] != "provider_ready" {
		t.Fatalf("first the stream says %v", got)
	}
	ask := func(key string) (bool, string) {
		r, err := w.v2(s.url).ResolveBoolean(limited(t), request(&v2.ResolveBooleanRequest{FlagKey: key}))
		if err != nil {
			t.Fatal(err)
		}
		all, err := w.v1(s.url).ResolveAll(limited(t), request(&v1.ResolveAllRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if one := all.Msg.Flags[key]; one.GetBoolValue() != r.Msg.GetValue() || one.GetVariant() != r.Msg.GetVariant() {
			t.Errorf("%s: ResolveAll says %v, ResolveBoolean %v", key, one, r.Msg)
		}
		return r.Msg.GetValue(), r.Msg.GetVariant()
	}
	expect := func(key string, on bool, variant string) {
		t.Helper()
		if gotOn, got := ask(key); gotOn != on || got != variant {
			t.Errorf("%s is %v, %s; want %v, %s", key, gotOn, got, on, variant)
		}
	}
	clock.Store(began + 59)
	expect("strict", true, "on")
	clock.Store(began + 60)
	expect("strict", false, "stale")
	expect("other", true, "on")
	source.Put("elsewhere", compile(t, strictAndNot)) // wakes the stream
	told := func() {                                  // sets are sent with the keys that changed
		t.Helper()
		if got := events.next(t); !strings.Contains(fmt.Sprint(got), "strict") || strings.Contains(fmt.Sprint(got), "other") {
			t.Errorf("told %v", got)
		}
	}
	told()
	source.spoke.Store(began + 60)
	told()
	expect("strict", true, "on")
}

// Who evaluates by itself is sent when the lease ends, in whole steps, and again
// when it is renewed; while the source is silent it is not.
func TestALeaseTravelsInTheDefinition(t *testing.T) {
	var clock atomic.Int64 // unix seconds
	source := &waning{Sets: &flagd.Sets{}}
	source.Put("co", compile(t, strictAndNot))
	began := time.Now().Unix()/20*20 + 20 // deadlines of streams go by this clock too
	clock.Store(began + 7)
	source.spoke.Store(began + 7)
	s := newSite(t, func(c *flagd.Config) {
		c.Source, c.Now = source, func() time.Time { return time.Unix(clock.Load(), 0) }
	})
	stream, err := ways(t)[0].sync(s.url).SyncFlags(limited(t), request(&syncv1.SyncFlagsRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	end := func() int64 {
		t.Helper()
		if !stream.Receive() {
			t.Fatal(stream.Err())
		}
		set := compile(t, stream.Msg().GetFlagConfiguration())
		strict, _ := set.Flag("strict")
		other, _ := set.Flag("other")
		if strings.Contains(string(other.Definition()), "timestamp") || strict.Faults() != nil {
			t.Fatalf("sent %s", stream.Msg().GetFlagConfiguration())
		}
		_, end, _, ok := eval.Unbounded(strict.Definition())
		if r := strict.Evaluate(nil, end); !ok || r.Variant != "stale" || strict.Evaluate(nil, end.Add(-time.Second)).Variant != "on" {
			t.Fatalf("%s gives %+v", strict.Definition(), r)
		}
		return end.Unix()
	}
	if got := end(); got != began+60 {
		t.Errorf("the lease ends %d s after the step, want 60", got-began)
	}
	clock.Store(began + 27) // silent
	source.Put("elsewhere", compile(t, strictAndNot))
	source.spoke.Store(began + 27)
	source.Put("elsewhere", compile(t, strictAndNot))
	if got := end(); got != began+80 {
		t.Errorf("renewed, the lease ends %d s after the first step, want 80", got-began)
	}
}
