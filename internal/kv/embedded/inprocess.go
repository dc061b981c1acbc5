package embedded

import (
	"context"
	"fmt"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// smallWALOnce guards the segment size, which etcd keeps in a package variable
// that its goroutines read without a lock. It is therefore set once, before the
// first store of this process starts, and never again: in a process that uses
// InProcess every segment is small.
var smallWALOnce sync.Once

func useSmallWAL() { smallWALOnce.Do(func() { wal.SegmentSizeBytes = smallSegment }) }

// InProcess runs the store inside this process, without any listener, and
// returns a client of it and the function that closes both. It is for tests: a
// storage fault in it ends the process. Directories are interchangeable with
// those of Start, and locked against them.
//
// ctx bounds the start alone. The close function waits until every goroutine of
// the store has ended; it is safe to call more than once, and concurrently.
// Any number of stores may run in one process, each in its own Dir.
func InProcess(ctx context.Context, cfg Config) (*clientv3.Client, func() error, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, nil, err
	}
	if err := prepareDir(cfg.Dir); err != nil {
		return nil, nil, err
	}
	lock, err := takeLock(ctx, cfg.Dir)
	if err != nil {
		return nil, nil, err
	}
	e, err := openInProcess(ctx, cfg)
	if err != nil {
		lock.release()
		return nil, nil, err
	}
	client := v3client.New(e.Server)
	closeAll := sync.OnceValue(func() error {
		client.Close() // its error only says that its context has ended
		e.Close()
		return lock.release()
	})
	return client, closeAll, nil
}

// openInProcess opens the data, and makes it on the first boot.
func openInProcess(ctx context.Context, cfg Config) (*embed.Etcd, error) {
	useSmallWAL()
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.ReadyTimeout,
		fmt.Errorf("took longer than %v", cfg.ReadyTimeout))
	defer cancel()
	lg := newZap(newLineLogger(cfg.Logger), zapLevel(cfg.Logger))
	return openStore(ctx, cfg.Dir, cfg.QuotaBytes, lg)
}
