package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.uber.org/zap"
)

// revisionGap is how far the revisions of a restored store begin behind those of
// its backup. No revision is used twice, whatever the store had come to since: a
// revision that somebody kept from then can never be mistaken for one of now. It
// also ends every watch of before, loudly.
const revisionGap = 1_000_000_000

// Restore makes a store in cfg.Dir, in which there is none yet, from a snapshot of
// etcd. amend changes it before it can be started by anybody. If we crash before
// the end, there is no store.
func Restore(ctx context.Context, cfg Config, snapshotFile string, amend func(context.Context, *clientv3.Client) error) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if err := prepareDir(cfg.Dir); err != nil {
		return err
	}
	lock, err := takeLock(ctx, cfg.Dir)
	if err != nil {
		return err
	}
	made, err := exists(dataPath(cfg.Dir))
	if err == nil && made {
		err = fmt.Errorf("store: there is a store in %s already; restore into an empty directory", cfg.Dir)
	}
	if err == nil {
		err = restore(ctx, cfg, snapshotFile, amend)
	}
	return errors.Join(err, lock.release())
}

func restore(ctx context.Context, cfg Config, snapshotFile string, amend func(context.Context, *clientv3.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, cfg.ReadyTimeout)
	defer cancel()
	if cfg.SmallWAL {
		useSmallWAL()
	}
	tmp, lg := tempPath(cfg.Dir), zap.NewNop() // what goes wrong is returned
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("store: wipe an unfinished restore: %w", err)
	}
	c := engineConfig(tmp, cfg.QuotaBytes, lg)
	c.TickMs, c.ElectionMs = 1, 10 // as in firstBoot
	var peers []string
	for _, u := range c.AdvertisePeerUrls {
		peers = append(peers, u.String())
	}
	err := snapshot.NewV3(lg).Restore(snapshot.RestoreConfig{SnapshotPath: snapshotFile, OutputDataDir: tmp, Name: c.Name,
		PeerURLs: peers, InitialCluster: c.InitialCluster, InitialClusterToken: c.InitialClusterToken,
		RevisionBump: revisionGap, MarkCompacted: true})
	if err != nil {
		return fmt.Errorf("store: restore the snapshot: %w", err)
	}
	e, err := startEngine(ctx, c)
	if err != nil {
		return err
	}
	client := v3client.New(e.Server)
	err = amend(ctx, client)
	client.Close() // its error only says that its context has ended
	if err == nil {
		err = writeMarker(tmp, e)
	}
	e.Close()
	if err != nil {
		return err
	}
	return finish(cfg.Dir)
}
