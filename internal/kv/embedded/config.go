package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

// DefaultQuotaBytes is how large the store's database may grow before it
// refuses writes: 8 GiB, the largest size etcd is recommended for. We mean to
// stay below 2 GiB; the quota is the wall, not the plan.
const DefaultQuotaBytes int64 = 8 << 30

// DefaultReadyTimeout is how long one start of the store may take. A start
// usually takes a fifth of a second; a minute leaves room for a slow disk and
// for the defragmentation of a large database.
const DefaultReadyTimeout = 60 * time.Second

// Config says where the store lives and how it runs. The zero value of every
// field but Dir is usable. A Config is copied by Start and InProcess and may be
// used again.
type Config struct {
	// Dir is the store's own directory inside the data directory, for example
	// "/var/lib/quorate/store". Required. It is created with mode 0700 if
	// missing, and tightened to 0700 if present. Nothing else may be kept in
	// it: half-made first boots in it are wiped.
	Dir string

	// Logger receives what the store says: etcd's warnings and errors, its
	// informational lines at debug level if Logger is enabled for debug, and
	// each exit of the child. Nil discards.
	Logger *slog.Logger

	// QuotaBytes is the size of the database, in bytes, past which writes are
	// refused with "database space exceeded". 0 means DefaultQuotaBytes;
	// negative is an error (etcd would read it as "no limit").
	QuotaBytes int64

	// ReadyTimeout bounds each start of the store, from launch to ready, and
	// the whole of Start. 0 means DefaultReadyTimeout.
	ReadyTimeout time.Duration

	// SmallWAL makes the child preallocate its write-ahead log in segments of
	// 2 MiB instead of 64 MB. For tests, where 128 MB for an empty store is too
	// much. InProcess always does this.
	SmallWAL bool

	// Command is the program, and its leading arguments, that Start runs as
	// the child; ChildArg and its flags are appended. The program must hand
	// those to Main. Nil means this very binary, which is right for the
	// product; tests use it to wrap the child in another program.
	Command []string
}

// withDefaults checks c and fills in its defaults.
func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("store: no directory given")
	}
	abs, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fmt.Errorf("store: directory %q: %w", c.Dir, err)
	}
	c.Dir = abs
	if c.QuotaBytes < 0 {
		return c, fmt.Errorf("store: quota of %d bytes: must not be negative", c.QuotaBytes)
	}
	if c.QuotaBytes == 0 {
		c.QuotaBytes = DefaultQuotaBytes
	}
	if c.ReadyTimeout < 0 {
		return c, fmt.Errorf("store: ready timeout of %v: must not be negative", c.ReadyTimeout)
	}
	if c.ReadyTimeout == 0 {
		c.ReadyTimeout = DefaultReadyTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
