package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// smallSegment is the write-ahead log's segment size for tests, in bytes.
const smallSegment = 2 << 20

// errNotReady: etcd started but did not become ready in the time allowed.
var errNotReady = errors.New("store: not ready in time")

// engineConfig is the etcd we run: one member, no listener of its own, every
// write on disk before it is acknowledged. Whoever changes a value here changes
// what a promise rests on; the reasons stand beside the values.
func engineConfig(dir string, quota int64, lg *zap.Logger) *embed.Config {
	c := embed.NewConfig()
	c.Name = "quorate"
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.Dir = dir
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(lg)

	// No listener. etcd's own listeners would serve its HTTP gateway, which
	// takes writes from any web page open on this machine.
	c.ListenPeerUrls, c.ListenClientUrls, c.ListenClientHttpUrls = nil, nil, nil
	c.AdvertiseClientUrls = nil
	c.EnableGRPCGateway = false
	c.EnablePprof = false
	// No tokens, hence no etcd users: who may do what is decided by us, and the
	// socket is open to our own user alone.
	c.AuthToken = ""

	// A short election is safe only because nobody can contest it.
	c.TickMs, c.ElectionMs = 10, 100
	c.PreVote = true

	c.QuotaBackendBytes = quota
	c.MaxRequestBytes = 3 << 19 // 1.5 MiB
	c.MaxTxnOps = 128
	c.AutoCompactionMode = embed.CompactorModePeriodic
	c.AutoCompactionRetention = "1h"
	// A watcher that hears nothing for a few seconds may then conclude that
	// the store is gone; etcd's own ten minutes would let it serve stale.
	c.WatchProgressNotifyInterval = time.Second
	// Defragmentation stops the member for a second per 250 MB, so a single
	// node does it only while starting, and only for a gain worth that pause.
	c.BootstrapDefragThresholdMegabytes = 256

	// etcd warns of each request over 100 ms. On a shared disk that is noise;
	// half a second is news.
	c.WarningApplyDuration = 500 * time.Millisecond
	c.WarningUnaryRequestDuration = 500 * time.Millisecond

	// etcd's InitialCorruptCheck and CompactHashCheck compare members with each
	// other; one member has nobody to compare with, so both stay off, and
	// damage to the database file is found by our own checks.
	return c
}

// startEngine starts etcd and waits until it is ready. If ctx ends first the
// error wraps errNotReady; etcd is closed again in every error case.
func startEngine(ctx context.Context, c *embed.Config) (*embed.Etcd, error) {
	e, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w; if its files are damaged, restore it from a backup", c.Dir, err)
	}
	select {
	case <-e.Server.ReadyNotify():
		return e, nil
	case <-e.Server.StopNotify():
		e.Close()
		return nil, fmt.Errorf("store: %s: etcd stopped while starting", c.Dir)
	case <-ctx.Done():
		e.Close()
		return nil, fmt.Errorf("%w: %s: %w", errNotReady, c.Dir, context.Cause(ctx))
	}
}
