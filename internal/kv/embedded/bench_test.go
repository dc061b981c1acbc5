package embedded_test

import (
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/kv/embedded"
)

// startTimes runs begin, which starts a store in dir and returns its close
// function, b.N times and reports the median and the longest start.
func startTimes(b *testing.B, fresh bool, begin func(dir string) (func() error, error)) {
	dir := b.TempDir()
	var took []time.Duration
	for range b.N {
		if fresh {
			dir = b.TempDir()
		}
		t0 := time.Now()
		stop, err := begin(dir)
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t0))
		if err := stop(); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "max-ms")
}

func BenchmarkStart(b *testing.B) {
	child := func(dir string) (func() error, error) {
		s, err := embedded.Start(b.Context(), embedded.Config{Dir: dir, SmallWAL: true})
		if err != nil {
			return nil, err
		}
		return s.Close, nil
	}
	inProcess := func(dir string) (func() error, error) {
		_, stop, err := embedded.InProcess(b.Context(), embedded.Config{Dir: dir})
		return stop, err
	}
	b.Run("child/first", func(b *testing.B) { startTimes(b, true, child) })
	b.Run("child/again", func(b *testing.B) { startTimes(b, false, child) })
	b.Run("inprocess/first", func(b *testing.B) { startTimes(b, true, inProcess) })
	b.Run("inprocess/again", func(b *testing.B) { startTimes(b, false, inProcess) })
}
