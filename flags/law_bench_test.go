package flags

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quorate/quorate/policy"
	"github.com/quorate/quorate/policy/rego"
)

// manyCapabilities is the default law with each capability's rules also for others
// named after it, so that sixty are ruled.
func manyCapabilities(b *testing.B) (fs.FS, []Capability) {
	files := fstest.MapFS{}
	err := fs.WalkDir(rego.Law, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(rego.Law, name)
		if strings.HasSuffix(name, "data.yaml") {
			raw = capabilityLists.ReplaceAllFunc(raw, func(line []byte) []byte {
				m := capabilityLists.FindSubmatch(line)
				var all []string
				for _, key := range strings.Split(string(m[2]), ",") {
					key = strings.TrimSpace(key)
					all = append(all, key, key+"_b", key+"_c")
				}
				return []byte(string(m[1]) + strings.Join(all, ", ") + "]")
			})
		}
		files[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	var list []Capability
	for _, suffix := range []string{"", "_b", "_c"} {
		for _, key := range sortedOf(ruled) {
			if len(list) < 60 {
				list = append(list, Capability{Key: key + suffix, Kind: ruled[key]})
			}
		}
	}
	return files, list
}

var capabilityLists = regexp.MustCompile(`(?s)(capabilities: \[)([^\]]*)\]`)

// All pairs of eight regions and sixty capabilities, compiled anew under a law that
// was just activated (nothing remembered), and under one that holds already, after a
// proof that touches them all.
func BenchmarkRecompileEverything(b *testing.B) {
	files, capabilities := manyCapabilities(b)
	w := &world{t: b}
	for _, region := range sortedOf(theRegions) {
		w.put("regions/"+region, theRegions[region])
	}
	for _, c := range capabilities {
		w.offer(c)
		for _, region := range sortedOf(theRegions) {
			w.enable(region, c.Key, How{})
		}
	}
	position := func(law *policy.Engine, n int) *policy.Position {
		p := &policy.Position{Law: law, From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
		for i := range 40 {
			p.Evidence = append(p.Evidence, policy.Evidence{Type: fmt.Sprint("usability_wcag", i), Scope: "*", Expires: "2029-01-01"})
		}
		p.Evidence = append(p.Evidence, policy.Evidence{Type: "usability_wcag", Scope: "*", Expires: fmt.Sprintf("2029-01-%02d", 1+n%28)})
		return p
	}
	recompile := func(b *testing.B, p *policy.Position) time.Duration {
		began := time.Now()
		nb := newBuilder(w.snap, func(path string, err error) { b.Errorf("%s: %v", path, err) })
		nb.known = compilations{}
		nb.takePosition(p)
		nb.build(w.revision + 1)
		if nb.recompiled != len(capabilities)*len(theRegions) {
			b.Fatalf("%d pairs compiled", nb.recompiled)
		}
		return time.Since(began)
	}
	judge := func(b *testing.B, best time.Duration) { // of several runs the best: others' load only adds
		b.ReportMetric(best.Seconds(), "s-at-best")
		if best > time.Second {
			b.Errorf("%s for all pairs, at most 1 s", best)
		}
	}
	b.Run("a new law", func(b *testing.B) {
		best := time.Hour
		for i := range b.N {
			b.StopTimer()
			law, err := policy.New(b.Context(), files)
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			best = min(best, recompile(b, position(law, i)))
		}
		judge(b, best)
	})
	b.Run("a proof", func(b *testing.B) {
		law, err := policy.New(b.Context(), files)
		if err != nil {
			b.Fatal(err)
		}
		best := time.Hour
		for i := range b.N {
			best = min(best, recompile(b, position(law, i)))
		}
		judge(b, best)
	})
}
