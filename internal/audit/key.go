package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

// KeyFile is the signing key's name in the data directory.
const KeyFile = "audit-key"

// LoadKey reads the key that signs the record from the data directory, and makes
// one, for this user alone, if there is none. The key never goes anywhere else.
func LoadKey(dataDir string) (ed25519.PrivateKey, error) {
	key, err := readKey(filepath.Join(dataDir, KeyFile))
	if err == nil && key == nil {
		return makeKey(dataDir, KeyFile)
	}
	return key, err
}

// readKey reads a signing key; nil if there is no such file.
func readKey(file string) (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	bad := fault.New(fault.Invalid, "bad_audit_key", "the file %s, which signs the record, cannot be used", file).
		Do("restore it from where you keep its copy; without it the record of this store cannot be continued")
	if err != nil {
		return nil, bad.Because(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "open_audit_key", "the file %s, which signs the record, can be read by others", file).
			Do("say `chmod 600 %s`", file)
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
		return nil, bad.Because(errors.New("no PEM"))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, bad.Because(err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, bad.Because(fmt.Errorf("the key is a %T", parsed))
	}
	return key, nil
}

func makeKey(dataDir, name string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	// If we crash before it is on the disk, nothing was signed with the key.
	return key, keepKey(filepath.Join(dataDir, name), key)
}

func keepKey(file string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writeFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// writeFile puts a file in its place whole or not at all, and returns once both
// it and its name would outlive a loss of power.
func writeFile(file string, data []byte) error {
	if err := makeDir(filepath.Dir(file)); err != nil {
		return err
	}
	if err := renameio.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// memory is what this server has signed last, for each origin, kept beside the
// key: the store may be rolled back, and the key must not sign another history.
type memory struct {
	file string
	last map[string]signedTree
}

type signedTree struct {
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
}

func loadMemory(dataDir string) (*memory, error) {
	m := &memory{file: filepath.Join(dataDir, "audit-signed.json"), last: map[string]signedTree{}}
	raw, err := os.ReadFile(m.file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &m.last)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_audit_memory", "the file %s, which tells what was signed last, cannot be read", m.file).
			Do("restore it; if you remove it, nothing keeps this server from signing a second history").Because(err)
	}
	return m, nil
}

// allow notes that a tree is about to be signed, if that cannot contradict what
// was signed before: it must hold the last tree as its beginning. rootAt gives
// the root that the tree had at a smaller size.
func (m *memory) allow(origin string, t tlog.Tree, rootAt func(size int64) (tlog.Hash, error)) error {
	last, known := m.last[origin]
	if known && last.Size == t.N && last.Root == t.Hash {
		return nil
	}
	if known {
		if last.Size >= t.N {
			return forked(origin, last, t)
		}
		root, err := rootAt(last.Size)
		if err != nil {
			return fmt.Errorf("reading the tree at size %d, which this server has signed: %w", last.Size, err)
		}
		if root != last.Root {
			return forked(origin, last, t)
		}
	}
	m.last[origin] = signedTree{Size: t.N, Root: t.Hash}
	raw, err := json.MarshalIndent(m.last, "", "  ")
	if err != nil {
		return err
	}
	// If we crash after this line the tree is remembered and not yet signed. It
	// is the one that the store decided on, so it is the one we shall sign.
	if err := writeFile(m.file, append(raw, '\n')); err != nil {
		if !known {
			delete(m.last, origin)
		} else {
			m.last[origin] = last
		}
		return fmt.Errorf("keeping what was signed: %w", err)
	}
	return nil
}

func forked(origin string, last signedTree, t tlog.Tree) error {
	return fault.New(fault.Refused, "record_forked",
		"the store's record %s has %d entries and does not continue what this server signed at %d entries; it is not signed", origin, t.N, last.Size).
		Do("the store was changed or rolled back behind the servers: compare it with an export and with checkpoints that others keep")
}
