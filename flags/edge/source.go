package edge

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/quorate/quorate/flags/flagd"
	"github.com/quorate/quorate/flags/provider/upstream"
)

// openSources reads what is there before anything is served.
func (e *Edge) openSources() error {
	if e.cfg.Upstream.URL != "" {
		return e.openUpstream()
	}
	e.worlds = newWorlds(always{e.cfg.Now})
	for _, path := range e.cfg.Files {
		f := &file{path: path}
		if _, err := f.refresh(); err != nil {
			return wrong("--source", "the source %q cannot be used: %v", path, err).Do("correct it")
		}
		if faults := f.set.Faults(); faults != nil {
			e.cfg.Log.Warn("a source has flags that cannot be evaluated", "source", path, "problem", faults)
		}
		e.files = append(e.files, f)
	}
	e.renew()
	return nil
}

func (u Upstream) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	if u.CAFile != "" {
		if cfg.RootCAs, err = authority("--upstream-ca", u.CAFile); err != nil {
			return nil, err
		}
	}
	if u.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(u.CertFile, u.KeyFile)
		if err != nil {
			return nil, wrong("--upstream-cert", "the certificate %q cannot be used: %v", u.CertFile, err).Do("check the files")
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

// renew makes the world anew; nothing is served until every source has been read.
func (e *Edge) renew() {
	e.renewing.Lock()
	defer e.renewing.Unlock()
	var readings []reading
	for _, f := range e.files {
		readings = append(readings, reading{name: f.path, set: f.set})
	}
	for i, f := range e.followers {
		s := f.State()
		if s == nil {
			return
		}
		readings = append(readings, reading{name: e.cfg.Upstream.Regions[i], set: s.Set,
			origin: flagd.Origin{Incarnation: s.Origin.Incarnation, Epoch: s.Origin.Epoch, Revision: s.Origin.Revision}})
	}
	serial := e.cfg.Now().UnixMicro()
	if last := e.worlds.world(); last != nil {
		serial = max(serial, last.serial+1)
	}
	e.worlds.put(newWorld(serial, readings, len(e.files) > 0))
}

// follow keeps the world as the sources are, until ctx ends.
func (e *Edge) follow(ctx context.Context) {
	for _, f := range e.followers {
		e.running.Go(func() { e.followOne(ctx, f) })
	}
	if len(e.files) == 0 {
		return
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.lookAtFiles()
		case <-ctx.Done():
			return
		}
	}
}

func (e *Edge) lookAtFiles() {
	any := false
	for _, f := range e.files {
		changed, err := f.refresh()
		if err != nil {
			e.metrics.broken.Inc()
			e.cfg.Log.Error("a source cannot be used; its last good flags are served", "source", f.path, "error", err)
		}
		any = any || changed
	}
	if any {
		e.renew()
	}
}

func (e *Edge) followOne(ctx context.Context, f *upstream.Follower) {
	serial := int64(0)
	for {
		changed := f.Changed()
		if s := f.State(); s != nil && s.Serial != serial {
			serial = s.Serial
			e.renew()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
