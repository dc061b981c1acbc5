package server

import (
	"path/filepath"

	"github.com/quorate/quorate/governance"
)

// buildGovernance makes the room of the bodies, which opens sealed ballots with the
// host's seal key.
func (s *Server) buildGovernance() error {
	key, err := governance.LoadSealKey(s.cfg.sealKeyFile())
	if err != nil {
		return err
	}
	if s.cfg.SealKeyFile == "" && !s.cfg.Etcd.embedded() {
		s.cfg.Log.Warn("this replica has a seal key of its own: replicas of one store need the same, or ballots cast at one cannot be counted by another; give it with --seal-key-file",
			"key", key.Fingerprint())
	}
	s.Governance = governance.NewService(s.gate, s.store, s.Flags, key, s.cfg.Now)
	s.Flags.TraceWith(s.Governance)
	return nil
}

func (c Config) sealKeyFile() string {
	if c.SealKeyFile != "" {
		return c.SealKeyFile
	}
	return filepath.Join(c.DataDir, governance.SealKeyFile)
}
