package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"go.etcd.io/etcd/server/v3/embed"
)

const (
	markerName   = "quorate.json"
	markerSchema = 1
)

// Marker is the identity of a store, written once, by its first boot. Its
// presence says that the first boot finished.
type Marker struct {
	// Schema of this file; 1.
	Schema int `json:"schema"`
	// ClusterID and MemberID are etcd's, in hexadecimal.
	ClusterID string `json:"cluster_id"`
	MemberID  string `json:"member_id"`
	// Incarnation is a UUID of our own. etcd's cluster id is the same for
	// every store made with the same settings, and survives a restore; this
	// one is fresh for every store made.
	Incarnation string `json:"incarnation"`
}

// ReadMarker reads the marker of the store in dir, a Config.Dir. It needs no
// lock and may be called while the store runs. If no first boot has finished
// there, the error wraps fs.ErrNotExist.
func ReadMarker(dir string) (Marker, error) {
	path := filepath.Join(dataPath(dir), markerName)
	b, err := os.ReadFile(path)
	if err != nil {
		return Marker{}, fmt.Errorf("store: read marker: %w", err)
	}
	var m Marker
	if err := json.Unmarshal(b, &m); err != nil {
		return Marker{}, fmt.Errorf("store: marker %s is damaged: %w; restore the directory from a backup", path, err)
	}
	if m.Schema != markerSchema {
		return Marker{}, fmt.Errorf("store: marker %s has schema %d, this version knows %d: it was written by another version of quorate; use that one",
			path, m.Schema, markerSchema)
	}
	return m, nil
}

// writeMarker writes the marker of e into data and syncs it.
func writeMarker(data string, e *embed.Etcd) error {
	m := Marker{
		Schema:      markerSchema,
		ClusterID:   e.Server.Cluster().ID().String(),
		MemberID:    e.Server.MemberID().String(),
		Incarnation: uuid.NewString(),
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	path := filepath.Join(data, markerName)
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("store: write marker: %w", err)
	}
	return errors.Join(syncPath(path), syncPath(data))
}

// requireMarker says what to do about data that no finished first boot of ours
// left behind.
func requireMarker(dir string) (Marker, error) {
	m, err := ReadMarker(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("store: %s holds data, but not the file %s that a finished first boot leaves: "+
			"it is not a store of quorate, or part of it was deleted; "+
			"move it away to start empty, or restore it from a backup", dataPath(dir), markerName)
	}
	return m, err
}

// checkIdentity compares what etcd opened with what the marker says.
func checkIdentity(dir string, m Marker, e *embed.Etcd) error {
	if got := e.Server.Cluster().ID().String(); got != m.ClusterID {
		return fmt.Errorf("store: %s holds cluster %s, its marker says %s: files of two stores were mixed; restore it from a backup",
			dataPath(dir), got, m.ClusterID)
	}
	return nil
}
