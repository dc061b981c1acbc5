package upstream

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/google/renameio/v2"
)

// A file begins with a line that says what it is and the digest of what follows:
//
//	quorate snapshot 1 <sha256 in hex>
const fileKind = "quorate snapshot 1 "

// stored is a set as it stands on disk.
type stored struct {
	Selector string         `json:"selector"`
	Origin   Origin         `json:"origin"`
	Granted  time.Time      `json:"granted,omitzero"`
	Received time.Time      `json:"received"`
	Context  map[string]any `json:"context,omitempty"`
	Document string         `json:"document"`
}

// save replaces the file as a whole: a crash leaves the old one or the new one.
func (s stored) save(file string) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	whole := append([]byte(fileKind+hex.EncodeToString(sum[:])+"\n"), body...)
	if err := renameio.WriteFile(file, whole, 0o600); err != nil {
		return fmt.Errorf("keeping the set in %s: %w", file, err)
	}
	return nil
}

// errNoFile is no failure: nothing has been kept yet.
var errNoFile = errors.New("there is no file")

// loadStored reads a file that save wrote, of at most limit bytes.
func loadStored(file, selector string, limit int64) (stored, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return stored{}, errNoFile
	}
	if err != nil {
		return stored{}, err
	}
	defer f.Close()
	whole, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return stored{}, err
	}
	head, body, _ := bytes.Cut(whole, []byte("\n"))
	sum := sha256.Sum256(body)
	var s stored
	switch {
	case int64(len(whole)) > limit:
		return s, fmt.Errorf("it has more than %d bytes", limit)
	case string(head) != fileKind+hex.EncodeToString(sum[:]):
		return s, errors.New("it is damaged or no snapshot: its digest does not match")
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, err
	}
	if s.Selector != selector {
		return s, fmt.Errorf("it is a snapshot of %q, not of %q", s.Selector, selector)
	}
	return s, nil
}
