package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/bundle"

	rules "github.com/quorate/quorate/policy/rego"
)

// newKey is a signing key and the public one that belongs to it.
func newKey(t *testing.T, id string) (SigningKey, TrustedKeys) {
	t.Helper()
	key, trusted, err := NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return key, trusted
}

// What is packed is unpacked the same, with the same revision, and is signed for.
func TestAnArchiveKeepsItsRules(t *testing.T) {
	key, trusted := newKey(t, "counsel")
	archive, err := Pack(rules.Law, key)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Unpack(archive)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := Verify(files, trusted); err != nil || id != "counsel" {
		t.Errorf("signed by %q, %v", id, err)
	}
	b, err := Load(files)
	if err != nil || b.Revision != law(t).Revision {
		t.Errorf("%v, revision %.12s, want %.12s", err, b.Revision, law(t).Revision)
	}
	alone, err := Identify(files)
	if err != nil || alone.Revision != b.Revision || alone.Manifest.Layer != Law || alone.Manifest.AsLastConfirmed == "" {
		t.Errorf("it says of itself %+v, %v", alone, err)
	}
	t.Logf("%d rules in an archive of %d bytes", len(b.Records), len(archive))
}

// The archive is OPA's own bundle format: OPA reads it, and verifies its signature.
func TestOPAReadsTheArchive(t *testing.T) {
	key, trusted := newKey(t, "counsel")
	archive, err := Pack(rules.Law, key)
	if err != nil {
		t.Fatal(err)
	}
	read := func(keys TrustedKeys) (bundle.Bundle, error) {
		config := bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{"counsel": {Key: keys["counsel"], Algorithm: algorithm}}, "counsel", "", nil)
		return bundle.NewReader(bytes.NewReader(archive)).WithBundleVerificationConfig(config).Read()
	}
	b, err := read(trusted)
	if err != nil || len(b.Modules) < 60 || b.Data["registry"] == nil {
		t.Errorf("OPA reads %d modules: %v", len(b.Modules), err)
	}
	_, others := newKey(t, "counsel")
	if _, err := read(others); err == nil {
		t.Error("OPA takes the archive with another's key")
	}
}

func TestASignatureVouchesForEveryFile(t *testing.T) {
	key, trusted := newKey(t, "counsel")
	archive, err := Pack(fstest.MapFS{
		".manifest":      {Data: []byte(`{"metadata":{"as_last_confirmed":"2026-07-01"}}`)},
		"rules/x/a.rego": {Data: []byte("package quorate.rules[\"XX-A\"]\n")},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Unpack(archive)
	if err != nil {
		t.Fatal(err)
	}
	_, others := newKey(t, "counsel")
	for what, c := range map[string]struct {
		change func(fstest.MapFS)
		keys   TrustedKeys
		says   string
	}{
		"nothing":         {func(fstest.MapFS) {}, trusted, ""},
		"another key":     {func(fstest.MapFS) {}, others, "no trusted key"},
		"no trusted key":  {func(fstest.MapFS) {}, nil, "trusts no key"},
		"no signature":    {func(f fstest.MapFS) { delete(f, signatures) }, trusted, "not signed"},
		"a changed rule":  {func(f fstest.MapFS) { f["rules/x/a.rego"] = &fstest.MapFile{Data: []byte("package x")} }, trusted, "rules/x/a.rego: it is not what was signed"},
		"an added rule":   {func(f fstest.MapFS) { f["rules/x/b.rego"] = f["rules/x/a.rego"] }, trusted, "rules/x/b.rego"},
		"a missing rule":  {func(f fstest.MapFS) { delete(f, "rules/x/a.rego") }, trusted, "rules/x/a.rego: it was signed and is not there"},
		"a broken list":   {func(f fstest.MapFS) { f[signatures] = &fstest.MapFile{Data: []byte("{")} }, trusted, signatures},
		"a changed claim": {func(f fstest.MapFS) { f[".manifest"] = &fstest.MapFile{Data: []byte(`{}`)} }, trusted, ".manifest"},
		"another plugin": {func(f fstest.MapFS) {
			f[signatures] = &fstest.MapFile{Data: bytes.Replace(f[signatures].Data, []byte("{"), []byte(`{"plugin":"_none",`), 1)}
		}, trusted, ""},
	} {
		files := maps.Clone(whole)
		c.change(files)
		_, err := Verify(files, c.keys)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}
}

// tarball writes entries as they are, however wrong.
func tarball(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatAnArchiveCannotHold(t *testing.T) {
	good := tarball(t, tar.Header{Name: "rules/a.rego", Size: 10})
	for what, c := range map[string]struct {
		archive []byte
		says    string
	}{
		"nothing":              {nil, "gzip"},
		"no gzip":              {[]byte("hello"), "gzip"},
		"no files":             {tarball(t), "empty"},
		"cut short":            {good[:len(good)/2], "damaged"},
		"a path upwards":       {tarball(t, tar.Header{Name: "../../etc/cron.d/x.rego"}), "leads out"},
		"a path upwards below": {tarball(t, tar.Header{Name: "rules/../../x.rego"}), "leads out"},
		"a path of Windows":    {tarball(t, tar.Header{Name: `rules\..\x.rego`}), "leads out"},
		"a link":               {tarball(t, tar.Header{Name: "rules/a.rego", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), "plain files"},
		"a device":             {tarball(t, tar.Header{Name: "rules/a.rego", Typeflag: tar.TypeChar}), "plain files"},
		"a file twice":         {tarball(t, tar.Header{Name: "a.rego"}, tar.Header{Name: "./a.rego"}), "twice"},
		"a program":            {tarball(t, tar.Header{Name: "policy.wasm"}), "holds .rego files"},
		"stray data":           {tarball(t, tar.Header{Name: "registry/x/data.json"}), "holds .rego files"},
		"a bomb":               {tarball(t, tar.Header{Name: "registry/x/data.yaml", Size: maxBundleBytes + 1}), "at most"},
		"many small bombs":     {tarball(t, tar.Header{Name: "a/data.yaml", Size: maxBundleBytes}, tar.Header{Name: "b/data.yaml", Size: 1}), "at most"},
		"too large":            {make([]byte, MaxArchive+1), "at most"},
	} {
		if _, err := Unpack(c.archive); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}
	if _, err := Unpack(good); err != nil {
		t.Error(err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(tarball(f, tar.Header{Name: "rules/a.rego", Size: 3}))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, err := Unpack(raw)
		if err != nil {
			return
		}
		for name := range files {
			if strings.Contains(name, "..") && !strings.Contains(name, "...") && strings.Contains(name, "../") {
				t.Errorf("%q was let in", name)
			}
		}
	})
}
