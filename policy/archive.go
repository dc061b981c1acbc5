package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"
)

// MaxArchive is the most bytes that an archive may have, packed: as much as goes
// into one request, and with its record into one transaction of the store. The
// embedded law takes a twentieth of it.
const MaxArchive = 700 << 10

// signatures is the file of a bundle that vouches for all the others.
const signatures = ".signatures.json"

// hashing is the algorithm by which the signature names each file.
const hashing = "SHA-256"

// A SigningKey signs bundles. Key is a PEM private key of an elliptic curve
// (P-256), ID the name under which servers trust it.
type SigningKey struct{ ID, Key string }

// TrustedKeys are the PEM public keys that a server takes bundles from, by name.
type TrustedKeys map[string]string

// NewKey makes a key to sign bundles with, and what a server needs to trust it.
func NewKey(id string) (SigningKey, TrustedKeys, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return SigningKey{}, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return SigningKey{}, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return SigningKey{}, nil, err
	}
	text := func(kind string, raw []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
	}
	return SigningKey{ID: id, Key: text("PRIVATE KEY", private)}, TrustedKeys{id: text("PUBLIC KEY", public)}, nil
}

// algorithm is the one with which bundles are signed and verified. A bundle cannot
// choose another.
const algorithm = "ES256"

// Pack writes the rules below files as an archive in OPA's bundle format, tests
// included and signed. The same files and key give the same content; the signature
// itself differs each time.
func Pack(files fs.FS, key SigningKey) ([]byte, error) {
	raw, err := packable(files)
	if err != nil {
		return nil, err
	}
	signed, err := sign(raw, key)
	if err != nil {
		return nil, err
	}
	raw[signatures] = signed
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	for _, name := range sortedKeys(raw) {
		if err := t.WriteHeader(&tar.Header{Name: "/" + name, Mode: 0o600, Size: int64(len(raw[name])), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := t.Write(raw[name]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	if out.Len() > MaxArchive {
		return nil, fmt.Errorf("the archive has %d bytes, at most %d are taken", out.Len(), MaxArchive)
	}
	return out.Bytes(), nil
}

// packable are the files that belong to a bundle; others, such as a licence or an
// editor's copy, stay behind.
func packable(files fs.FS) (map[string][]byte, error) {
	raw, size := map[string][]byte{}, 0
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !belongs(name) {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if size += len(content); len(raw) >= maxBundleFiles || size > maxBundleBytes {
			return tooMuch(name)
		}
		raw[name] = content
		return err
	})
	if err == nil && len(raw) == 0 {
		err = errors.New("there is neither a rule nor data here")
	}
	return raw, err
}

func tooMuch(name string) error {
	return fmt.Errorf("%s: a bundle has at most %d files and %d bytes", clip(name), maxBundleFiles, maxBundleBytes)
}

// belongs is what a bundle is made of: what is read, and its tests.
func belongs(name string) bool {
	return wanted(name) || strings.HasSuffix(name, "_test.rego")
}

func sign(files map[string][]byte, key SigningKey) ([]byte, error) {
	hasher, err := bundle.NewSignatureHasher(hashing)
	if err != nil {
		return nil, err
	}
	var list []bundle.FileInfo
	for _, name := range sortedKeys(files) {
		value, err := content(name, files[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sum, err := hasher.HashFile(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, bundle.NewFile(name, hex.EncodeToString(sum), hashing))
	}
	token, err := bundle.GenerateSignedToken(list, bundle.NewSigningConfig(key.Key, algorithm, ""), key.ID)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return json.Marshal(bundle.SignaturesConfig{Signatures: []string{token}})
}

// content is a file as OPA's signatures hash it: documents by what they say.
func content(name string, raw []byte) (any, error) {
	if !bundle.IsStructuredDoc(name) {
		return raw, nil
	}
	return document(raw)
}

func document(raw []byte) (value any, err error) {
	return value, util.Unmarshal(raw, &value)
}

// Unpack reads an archive within bounds, and refuses what a bundle cannot hold:
// links, devices, paths that lead outside, a file twice, files of no known kind.
// It parses nothing.
func Unpack(archive []byte) (fstest.MapFS, error) {
	if len(archive) > MaxArchive {
		return nil, fmt.Errorf("the archive has %d bytes, at most %d are taken", len(archive), MaxArchive)
	}
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("the archive is no gzip file: %w", err)
	}
	files, left := fstest.MapFS{}, int64(maxBundleBytes)
	t := tar.NewReader(io.LimitReader(z, 2*maxBundleBytes)) // the headers too
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the archive is damaged: %w", err)
		}
		if err := take(files, t, h, &left); err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, errors.New("the archive is empty")
	}
	return files, nil
}

func take(files fstest.MapFS, from io.Reader, h *tar.Header, left *int64) error {
	name := strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "/")
	if h.Typeflag == tar.TypeDir {
		return nil
	}
	switch {
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("%s: only plain files may be in an archive", clip(name))
	case !fs.ValidPath(name) || strings.Contains(name, `\`):
		return fmt.Errorf("%s: the path leads out of the bundle", clip(h.Name))
	case files[name] != nil:
		return fmt.Errorf("%s: it is there twice", clip(name))
	case name != signatures && !belongs(name):
		return fmt.Errorf("%s: a bundle holds .rego files, data.yaml and .manifest only", clip(name))
	case len(files) >= maxBundleFiles || h.Size > *left:
		return tooMuch(name)
	}
	raw, err := io.ReadAll(io.LimitReader(from, h.Size))
	if err != nil || int64(len(raw)) != h.Size {
		return fmt.Errorf("%s: the archive ends within it", clip(name))
	}
	*left -= h.Size
	files[name] = &fstest.MapFile{Data: raw, Mode: 0o400}
	return nil
}

// Verify checks the signature over every file of an unpacked archive, and names
// the key that made it.
func Verify(files fstest.MapFS, keys TrustedKeys) (keyID string, err error) {
	signed := files[signatures]
	if signed == nil {
		return "", fmt.Errorf("%s: the bundle is not signed", signatures)
	}
	var config bundle.SignaturesConfig
	if err := json.Unmarshal(signed.Data, &config); err != nil {
		return "", fmt.Errorf("%s: %w", signatures, err)
	}
	config.Plugin = "" // a bundle cannot choose who verifies it
	for _, id := range sortedKeys(keys) {
		list, tried := bundle.VerifyBundleSignature(config, verification(id, keys[id]))
		if tried != nil {
			err = fmt.Errorf("%s: no trusted key made this signature: %w", signatures, tried)
			continue
		}
		return id, vouched(files, list)
	}
	if err == nil {
		err = errors.New("this server trusts no key, so it takes no bundle")
	}
	return "", err
}

func verification(id, key string) *bundle.VerificationConfig {
	return bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{id: {Key: key, Algorithm: algorithm}}, id, "", nil)
}

// vouched compares every file with the signed list, both ways.
func vouched(files fstest.MapFS, list map[string]bundle.FileInfo) error {
	for _, name := range sortedKeys(files) {
		if name == signatures {
			continue
		}
		if err := bundle.VerifyBundleFile(name, *bytes.NewBuffer(files[name].Data), list); err != nil {
			return fmt.Errorf("%s: it is not what was signed: %w", name, err)
		}
	}
	if len(list) > 0 {
		return fmt.Errorf("%s: it was signed and is not there", sortedKeys(list)[0])
	}
	return nil
}
