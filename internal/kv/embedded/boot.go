package embedded

import (
	"context"
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// openStore opens the store in dir, making it first if there is none. The
// caller holds the lock of dir.
func openStore(ctx context.Context, dir string, quota int64, lg *zap.Logger) (*embed.Etcd, error) {
	made, err := exists(dataPath(dir))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if !made {
		if err := firstBoot(ctx, dir, quota, lg); err != nil {
			return nil, err
		}
	}
	marker, err := requireMarker(dir)
	if err != nil {
		return nil, err
	}
	e, err := startEngine(ctx, engineConfig(dataPath(dir), quota, lg))
	if err != nil {
		return nil, err
	}
	if err := checkIdentity(dir, marker, e); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// firstBoot makes a store in data.tmp and renames it to data when it is whole.
//
// etcd that dies between making its log and committing its first entry leaves a
// directory that will never become ready, and says nothing about it. Hence: if
// we crash anywhere before the rename, the next start finds no data, wipes
// data.tmp and begins again. If we crash after it, data is a finished store.
// Nothing can have been acknowledged before, since nobody was served.
func firstBoot(ctx context.Context, dir string, quota int64, lg *zap.Logger) error {
	tmp := tempPath(dir)
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("store: wipe an unfinished first boot: %w", err)
	}
	// Its warnings are about a member too young to be closed, which we do at
	// once; what ends the process must still be heard.
	c := engineConfig(tmp, quota, lg.WithOptions(zap.IncreaseLevel(zap.DPanicLevel)))
	// This member serves nobody and is closed at once, so it need not wait the
	// usual election out. Ticks are not kept in the data.
	c.TickMs, c.ElectionMs = 1, 10
	e, err := startEngine(ctx, c)
	if err != nil {
		return err
	}
	err = writeMarker(tmp, e)
	e.Close()
	if err != nil {
		return err
	}
	return finish(dir)
}

// finish makes what stands in data.tmp the store.
func finish(dir string) error {
	tmp := tempPath(dir)
	if err := syncTree(tmp); err != nil {
		return fmt.Errorf("store: sync the first boot: %w", err)
	}
	if err := os.Rename(tmp, dataPath(dir)); err != nil {
		return fmt.Errorf("store: finish the first boot: %w", err)
	}
	if err := syncPath(dir); err != nil {
		return fmt.Errorf("store: sync the first boot: %w", err)
	}
	return nil
}
