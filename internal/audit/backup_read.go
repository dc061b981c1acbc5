package audit

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/quorate/quorate/internal/fault"
)

const (
	block   = 512      // bytes; what tar files are made of
	maxList = 64 << 20 // bytes; a line takes about 120
)

// ReadBackup reads a backup to its end and hands over each file of it. What each
// has not read of its file is read for it. Nothing of a backup may be used before
// ReadBackup has returned without an error: only then it is known to be what was
// backed up. key is the one to trust; nil: the one that the backup names, which
// proves nothing of who made it. A backup that does not hold is the fault
// bad_backup, which names the first part that does not.
func ReadBackup(r io.Reader, key ed25519.PublicKey, each func(name string, size int64, file io.Reader) error) (Manifest, error) {
	b := &backupReader{in: bufio.NewReaderSize(r, 1<<16)}
	for {
		name, size, err := b.header()
		if err != nil {
			return Manifest{}, err
		}
		switch name {
		case listFile:
			return b.ending(size, key)
		case manifestFile:
			return Manifest{}, badBackup("its manifest stands where it should not")
		}
		if err := b.file(name, size, each); err != nil {
			return Manifest{}, err
		}
	}
}

// backupReader takes nothing but what Backup makes.
type backupReader struct {
	in    *bufio.Reader
	after string       // the last part that was read
	list  bytes.Buffer // of the files so far, as it should be
}

// header reads what stands before a file, and takes it only if it is, byte for
// byte, what is written before a file of that name and length.
func (b *backupReader) header() (name string, size int64, err error) {
	raw := make([]byte, block)
	if _, err := io.ReadFull(b.in, raw); err != nil {
		return "", 0, b.broken(err)
	}
	h, err := tar.NewReader(bytes.NewReader(raw)).Next()
	if err != nil || h.Size < 0 || !plainName(h.Name) || !bytes.Equal(raw, headerBytes(h.Name, h.Size)) {
		return "", 0, badBackup("what follows %s is no part of a backup, or was changed", b.last())
	}
	b.after = h.Name
	return h.Name, h.Size, nil
}

func headerBytes(name string, size int64) []byte {
	var out bytes.Buffer
	_ = tar.NewWriter(&out).WriteHeader(header(name, size)) // a buffer takes everything
	return out.Bytes()
}

func (b *backupReader) last() string {
	if b.after == "" {
		return "its beginning"
	}
	return b.after
}

func (b *backupReader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badBackup("it breaks off in or after %s", b.last())
	}
	return err
}

func (b *backupReader) file(name string, size int64, each func(string, int64, io.Reader) error) error {
	sum := sha256.New()
	content := io.TeeReader(&io.LimitedReader{R: b.in, N: size}, sum)
	counted := &counter{r: content}
	if err := each(name, size, counted); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, counted); err != nil {
		return err
	}
	if counted.n != size {
		return b.broken(io.EOF)
	}
	fmt.Fprintf(&b.list, "%s %d %x\n", name, size, sum.Sum(nil))
	return b.padding(size)
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// padding reads the zeros up to the next block.
func (b *backupReader) padding(size int64) error {
	rest := make([]byte, (block-size%block)%block)
	if _, err := io.ReadFull(b.in, rest); err != nil {
		return b.broken(err)
	}
	if !zeros(rest) {
		return badBackup("something stands behind the end of %s", b.after)
	}
	return nil
}

func zeros(p []byte) bool { return len(bytes.Trim(p, "\x00")) == 0 }

// whole reads a part that is kept in memory.
func (b *backupReader) whole(size, most int64) ([]byte, error) {
	if size > most {
		return nil, badBackup("%s has %d bytes, which is too much", b.after, size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(b.in, data); err != nil {
		return nil, b.broken(err)
	}
	return data, b.padding(size)
}

// ending reads the list, the manifest and the end, and holds what was read
// against them: first that the manifest is true, then the list, then each file.
func (b *backupReader) ending(size int64, key ed25519.PublicKey) (Manifest, error) {
	list, err := b.whole(size, maxList)
	if err != nil {
		return Manifest{}, err
	}
	name, size, err := b.header()
	if err != nil {
		return Manifest{}, err
	}
	if name != manifestFile {
		return Manifest{}, badBackup("%s stands where its manifest should", name)
	}
	signed, err := b.whole(size, maxNote)
	if err != nil {
		return Manifest{}, err
	}
	end, err := io.ReadAll(io.LimitReader(b.in, 2*block+1))
	switch {
	case err != nil:
		return Manifest{}, err
	case len(end) != 2*block || !zeros(end):
		return Manifest{}, badBackup("it does not end after its manifest as it should")
	}
	m, err := openManifest(signed, key)
	switch {
	case err != nil:
		return m, badBackup("its manifest: %v", err)
	case m.list != sha256.Sum256(list):
		return m, badBackup("the list of its files is not the one that was signed")
	}
	return m, b.compare(list)
}

// compare names the first file that is not as the list has it.
func (b *backupReader) compare(list []byte) error {
	want, got := strings.Split(string(list), "\n"), strings.Split(b.list.String(), "\n")
	for i, line := range want {
		if i >= len(got) || got[i] != line {
			name, _, _ := strings.Cut(line, " ")
			return badBackup("%q is missing, or not what was backed up", name)
		}
	}
	if len(got) != len(want) {
		return badBackup("it holds files that were not backed up")
	}
	return nil
}

// openManifest opens the note with the key that it names, which must be the one
// to trust, if there is one.
func openManifest(signed []byte, trusted ed25519.PublicKey) (Manifest, error) {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	m, err := parseManifest(string(text) + "\n")
	if err != nil {
		return m, err
	}
	named, err := ParseVerifierKey(m.key)
	if err != nil {
		return m, err
	}
	m.KeyID, m.KeyTrusted = KeyID(named), trusted != nil
	if trusted != nil && !trusted.Equal(named) {
		return m, fmt.Errorf("it names the key %s, and the one to trust is %s", m.KeyID, KeyID(trusted))
	}
	if same, err := VerifierKey(m.Origin, named); err != nil || same != m.key {
		return m, errors.New("it names the key of another record")
	}
	verifier, err := note.NewVerifier(m.key)
	if err != nil {
		return m, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil || len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) > 0 {
		return m, errors.New("its key did not sign it")
	}
	if _, err := strict.DecodeString(opened.Sigs[0].Base64); err != nil {
		return m, errors.New("its signature is written in another way than it was made")
	}
	return m, nil
}

func badBackup(format string, args ...any) error {
	return fault.New(fault.Refused, "bad_backup", "the backup does not hold: "+format, args...).Do("use another; nothing of it was used")
}

// plainName lets no name lead elsewhere.
func plainName(name string) bool {
	switch name {
	case StoreFile, listFile, manifestFile:
		return true
	}
	return strings.HasPrefix(name, sealedDir) && path.Clean(name) == name && !strings.ContainsAny(name, " \n\\\x00") && !strings.Contains(name, "/.")
}
