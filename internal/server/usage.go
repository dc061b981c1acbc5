package server

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/fault"
)

// replicaName is what this replica's share of usage goes by. It stays the same
// for as long as the data directory does, so that a server that starts again goes
// on with what it had counted.
func (c Config) replicaName() (string, error) {
	raw, err := os.ReadFile(c.replicaFile())
	if name := strings.TrimSpace(string(raw)); err == nil && replicaName.MatchString(name) {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", badReplicaFile(c.replicaFile(), err)
	}
	name := strings.ToLower(rand.Text()[:16])
	if err := os.WriteFile(c.replicaFile(), []byte(name+"\n"), 0o600); err != nil {
		return "", badReplicaFile(c.replicaFile(), err)
	}
	return name, nil
}

var replicaName = regexp.MustCompile(`^[a-z0-9]{16}$`)

func badReplicaFile(file string, cause error) error {
	return fault.New(fault.Invalid, "bad_data_dir", "the file %q of the data directory cannot be used: %v", file, cause).
		Do("check its permissions").At("--data-dir")
}

// buildUsage makes what counts and what rolls up.
func (s *Server) buildUsage() {
	s.usage = flags.NewUsage(s.registry)
	s.Ledger = flags.NewLedger(s.store, s.usage, s.replica, s.declaredFacts, s.cfg.Now, s.cfg.Log, s.registry)
}

// declaredFacts are those whose arrival is counted by name: what capabilities and
// rules may read. None until the first snapshot is loaded.
func (s *Server) declaredFacts() []string {
	snapshot := s.Replica.Snapshot()
	if snapshot == nil {
		return nil
	}
	return snapshot.DeclaredFacts()
}
