package kv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/quorate/quorate/internal/fault"
)

// Config says how to reach the store.
type Config struct {
	// Endpoints of etcd: "unix:///path" for the embedded child, or a cluster's
	// "https://host:2379". Ignored when Client is set.
	Endpoints []string
	TLS       *tls.Config // nil: no TLS
	Username  string      // "": no authentication
	Password  string
	// Client uses an existing client (tests run etcd in the process). The store
	// does not close it.
	Client *clientv3.Client
	// WriteTimeout bounds every Update, tries and retries together, so that a
	// caller is answered within 3 s whatever the store does. Default 2.5 s.
	WriteTimeout time.Duration
	// SeenFile keeps the newest incarnation, epoch and revision this replica has
	// seen, outside etcd. "" keeps it in memory only.
	SeenFile string
	Logger   *slog.Logger     // nil: slog.Default()
	Now      func() time.Time // nil: time.Now
}

// A Store is a connection to etcd. It is safe for concurrent use.
type Store struct {
	cfg        Config
	client     *clientv3.Client
	ownsClient bool
	log        *slog.Logger
	now        func() time.Time
	rolledBack atomic.Pointer[Rollback]
	seen       seen
}

// Open connects. It does not wait for the store to answer: a replica that
// starts while etcd is away serves nothing yet, and goes on trying.
func Open(cfg Config) (*Store, error) {
	if cfg.WriteTimeout <= 0 {
		cfg.WriteTimeout = 2500 * time.Millisecond
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Store{cfg: cfg, client: cfg.Client, log: cfg.Logger, now: cfg.Now}
	if err := s.seen.load(cfg.SeenFile); err != nil {
		return nil, err
	}
	if s.client != nil {
		return s, nil
	}
	client, err := dial(cfg)
	if err != nil {
		return nil, err
	}
	s.client, s.ownsClient = client, true
	return s, nil
}

// reconnect tries soon, since the embedded child is back within a fifth of a
// second, and never waits longer than a second.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: time.Second,
}

func dial(cfg Config) (*clientv3.Client, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, fault.New(fault.Invalid, "no_endpoints", "no etcd endpoint was given").
			Do("set --etcd-endpoints, or leave it out to use the embedded store")
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:             cfg.Endpoints,
		TLS:                   cfg.TLS,
		Username:              cfg.Username,
		Password:              cfg.Password,
		DialTimeout:           5 * time.Second,
		DialKeepAliveTime:     10 * time.Second, // grpc-go allows no less
		DialKeepAliveTimeout:  3 * time.Second,
		MaxCallSendMsgSize:    4 << 20, // above etcd's own limit, so that etcd's answer is seen
		BackoffWaitBetween:    25 * time.Millisecond,
		BackoffJitterFraction: 0.1,
		Logger:                zap.NewNop(),
		DialOptions:           []grpc.DialOption{grpc.WithUserAgent("quorate"), grpc.WithConnectParams(reconnect)},
	})
	if err != nil {
		return nil, fault.New(fault.StoreUnavailable, "store_unavailable", "cannot connect to etcd at %v", cfg.Endpoints).
			Do("check the endpoints, certificates and credentials").Because(err)
	}
	return client, nil
}

// Close ends the connection and keeps what the replica has seen.
func (s *Store) Close() error {
	err := s.seen.save(s.cfg.SeenFile)
	if s.ownsClient {
		err = errors.Join(err, s.client.Close())
	}
	return err
}

// View reads at this moment; the Tx is good for Get and List until ctx ends.
func (s *Store) View(ctx context.Context) *Tx { return newTx(ctx, s, true) }

// Size is the bytes the store's database takes on disk, and those in use.
func (s *Store) Size(ctx context.Context) (total, inUse int64, err error) {
	endpoints := s.client.Endpoints()
	if len(endpoints) == 0 {
		return 0, 0, errors.New("kv: the client has no endpoint")
	}
	st, err := s.client.Status(ctx, endpoints[0])
	if err != nil {
		return 0, 0, fmt.Errorf("asking etcd for its size: %w", err)
	}
	return st.DbSize, st.DbSizeInUse, nil
}
