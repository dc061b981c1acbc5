package sandbox_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quorate/quorate/policy"
	rules "github.com/quorate/quorate/policy/rego"
	"github.com/quorate/quorate/policy/sandbox"
)

// TestMain lets the test binary be the child, as the product's own binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.ChildArg {
		os.Exit(sandbox.Main())
	}
	os.Exit(m.Run())
}

func newKey(t testing.TB, id string) (policy.SigningKey, policy.TrustedKeys) {
	t.Helper()
	key, trusted, err := policy.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return key, trusted
}

// law is a copy of the embedded law that a test may change.
func law(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(rules.Law, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(rules.Law, name)
		files[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// small is a law of one rule, so that a hostile one is all there is to look at.
func small(t testing.TB, rule string) fstest.MapFS {
	t.Helper()
	whole := law(t)
	files := fstest.MapFS{}
	for name, f := range whole {
		if !strings.HasPrefix(name, "registry/") && !strings.HasPrefix(name, "rules/") {
			files[name] = f
		}
	}
	files["registry/x/data.yaml"] = &fstest.MapFile{Data: []byte(record)}
	files["rules/x/xx_a.rego"] = &fstest.MapFile{Data: []byte("package quorate.rules[\"XX-A\"]\n\n" + rule + "\n")}
	return files
}

const record = `XX-A:
  title: A rule
  citation: none
  jurisdictions: ["*"]
  actors: [provider]
  capabilities: [video_visit]
  phase: E+R
  acts: [enable, use]
  effective: "2026-01-01"
  time_zone: local
  status: in_force
  waivable_by: []
  point: flag
  monotone: true
  confidence: source
  review_due: "2027-01-01"
`

func pack(t testing.TB, files fs.FS, key policy.SigningKey) []byte {
	t.Helper()
	archive, err := policy.Pack(files, key)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func check(t testing.TB, r sandbox.Request) policy.Report {
	t.Helper()
	report, err := sandbox.Check(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestTheEmbeddedLawPasses(t *testing.T) {
	key, trusted := newKey(t, "counsel")
	r := check(t, sandbox.Request{Archive: pack(t, rules.Law, key), Keys: trusted})
	if len(r.Problems) > 0 || r.SignedBy != "counsel" || r.Rules != 60 || r.Cases < 500 || r.Revision == "" || r.Manifest.Layer != policy.Law {
		t.Errorf("%+v", r)
	}
	t.Logf("%d rules, %d tests, %d cases", r.Rules, r.Tests, r.Cases)
}

// A bundle's own tests are run, and a failing one is a reason to refuse it.
func TestABundlesOwnTestsCount(t *testing.T) {
	files := law(t)
	files["lib/own_test.rego"] = &fstest.MapFile{Data: []byte("package quorate.lib_test\n\ntest_sum if 1 + 1 == 2\n\ntest_wrong if 1 + 1 == 3\n")}
	r := check(t, sandbox.Request{Archive: pack(t, files, anyKey(t)), Unsigned: true})
	if r.Tests != 74 || len(r.Problems) != 1 || r.Problems[0].File != "lib/own_test.rego" || r.Problems[0].Line != 5 {
		t.Errorf("%d tests, %v", r.Tests, r.Problems)
	}
}

func anyKey(t testing.TB) policy.SigningKey { key, _ := newKey(t, "any"); return key }

// with replaces one text in one file.
func with(t testing.TB, files fstest.MapFS, name, old, new string) fstest.MapFS {
	t.Helper()
	raw := files[name]
	if raw == nil || !bytes.Contains(raw.Data, []byte(old)) {
		t.Fatalf("%s does not say %q", name, old)
	}
	files = maps.Clone(files)
	files[name] = &fstest.MapFile{Data: bytes.Replace(raw.Data, []byte(old), []byte(new), 1)}
	return files
}

func tarball(t testing.TB, name string, kind byte, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: kind, Size: size, Linkname: "/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, size)); err != nil && size > 0 {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// hostile are bundles that must not get in, each with what is said of it: the file
// (and line, where there is one) and a word of the reason.
func hostile(t testing.TB) map[string]struct {
	request sandbox.Request
	says    string
} {
	t.Helper()
	key, trusted := newKey(t, "counsel")
	other, _ := newKey(t, "counsel")
	signed := func(files fs.FS) sandbox.Request {
		return sandbox.Request{Archive: pack(t, files, key), Keys: trusted}
	}
	raw := func(archive []byte) sandbox.Request { return sandbox.Request{Archive: archive, Keys: trusted} }
	of := func(rule string) sandbox.Request { return signed(small(t, rule)) }
	good := pack(t, rules.Law, key)
	unsigned := func() []byte {
		files, err := policy.Unpack(good)
		if err != nil {
			t.Fatal(err)
		}
		return repack(t, files, ".signatures.json")
	}
	deep := "finding contains {\"effect\": \"deny\", \"why\": \"x\"} if " + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + " == 1"
	list := strings.Repeat("1,", 999) + "1"
	type row = struct {
		request sandbox.Request
		says    string
	}
	return map[string]row{
		"unsigned":            {raw(unsigned()), ".signatures.json: the bundle is not signed"},
		"signed by another":   {raw(pack(t, rules.Law, other)), ".signatures.json: no trusted key"},
		"no key is trusted":   {sandbox.Request{Archive: good}, "trusts no key"},
		"corrupt":             {raw(flip(good, len(good)/2)), ""},
		"cut short":           {raw(good[:len(good)-100]), ""},
		"garbage":             {raw([]byte("not an archive at all")), "gzip"},
		"path traversal":      {raw(tarball(t, "../../../etc/passwd.rego", tar.TypeReg, 1)), "leads out"},
		"a link to a secret":  {raw(tarball(t, "registry/x/data.yaml", tar.TypeSymlink, 0)), "registry/x/data.yaml: only plain files"},
		"a gzip bomb":         {raw(tarball(t, "registry/x/data.yaml", tar.TypeReg, 64<<20)), "registry/x/data.yaml: a bundle has at most"},
		"wasm":                {raw(tarball(t, "policy.wasm", tar.TypeReg, 10)), "policy.wasm: a bundle holds"},
		"no manifest":         {signed(without(law(t), ".manifest")), ".manifest: it is missing"},
		"nobody confirmed it": {signed(with(t, law(t), ".manifest", `"as_last_confirmed": "2026-07-01",`, "")), ".manifest: as_last_confirmed is missing"},
		"malformed day":       {signed(with(t, small(t, quiet), "registry/x/data.yaml", `"2026-01-01"`, `"2026-1-1"`)), `registry/x/data.yaml:9: XX-A: effective "2026-1-1" is not a day`},
		"malformed YAML":      {sandbox.Request{Unsigned: true, Archive: repack(t, with(t, small(t, quiet), "registry/x/data.yaml", "citation: none", "citation: [none"), "")}, "registry/x/data.yaml:"},
		"an unknown field":    {signed(with(t, small(t, quiet), "registry/x/data.yaml", "citation: none", "citation: none\n  allow_all: true")), "registry/x/data.yaml:4: unknown field"},
		"an unknown place":    {signed(with(t, small(t, quiet), "registry/x/data.yaml", `["*"]`, `[US-ZZ]`)), `registry/x/data.yaml`},
		"malformed Rego":      {of("finding contains {"), "rules/x/xx_a.rego:"},
		"no entry point":      {signed(with(t, small(t, quiet), "decide/decide.rego", "result := {", "answer := {")), "rules/x/xx_a.rego"},
		"no answer":           {of("finding := 1"), "rules/x/xx_a.rego"},
		"an unknown effect":   {of(`finding contains {"effect": "permit"}`), "rules/x/xx_a.rego:3: XX-A"},
		"recursion":           {of("finding contains x if some x in finding"), "rules/x/xx_a.rego:3: rego_recursion_error"},
		"http.send":           {of(`finding contains http.send({"method": "get", "url": "http://169.254.169.254/"})`), "rules/x/xx_a.rego:3: rego_type_error: undefined function http.send"},
		"net.lookup_ip_addr":  {of(`finding contains net.lookup_ip_addr("example.org")`), "rules/x/xx_a.rego:3: rego_type_error: undefined function net.lookup_ip_addr"},
		"opa.runtime":         {of(`finding contains opa.runtime().env`), "rules/x/xx_a.rego:3: rego_type_error: undefined function opa.runtime"},
		"time.now_ns":         {of(`finding contains {"effect": "deny", "why": "x"} if time.now_ns() > 0`), "undefined function time.now_ns"},
		"rand.intn":           {of(`finding contains {"effect": "deny", "why": "x"} if rand.intn("x", 2) == 1`), "undefined function rand.intn"},
		"bits.lsh":            {of(`finding contains {"effect": "deny", "why": "x"} if bits.lsh(1, 2000000000) > 0`), "undefined function bits.lsh"},
		"numbers.range":       {of(`finding contains {"effect": "deny", "why": "x"} if count(numbers.range(0, 2000000000)) > 0`), "undefined function numbers.range"},
		"regex.match":         {of(`finding contains {"effect": "deny", "why": "x"} if regex.match("(a+)+$", input.region)`), "undefined function regex.match"},
		"sprintf":             {of(`finding contains {"effect": "deny", "why": sprintf("%2000000000d", [1])}`), "undefined function sprintf"},
		"with on a function":  {of(`finding contains {"effect": "deny", "why": "x"} if count([1]) == 5 with count as http.send`), "rules/x/xx_a.rego:3: rego_unsafe_var_error: var http"},
		"an endless comprehension": {of("a := [" + list + "]\n\nfinding contains {\"effect\": \"deny\", \"why\": \"x\"} if " +
			"count([1 | some p in a; some q in a; some r in a; some s in a; p + q + r + s == -1]) > 0"), ""}, // ended within the translation, which names no place yet
		"a great many strings": {of("a := [" + list + "]\n\nfinding contains {\"effect\": \"deny\", \"why\": \"x\"} if " +
			"count({s | some p in a; some q in a; some r in a; s := concat(\",\", [input.as_of, input.today, \"x\"]); t := [p, q, r, s]; t[0] > 5}) > 0"), ""},
		"negated calls":       {of("finding contains {\"effect\": \"deny\", \"why\": \"x\"} if not startswith(input.region, \"c\")"), "xx_a.rego:3: not startswith"},
		"terms without end":   {of(deep), "rules/x/xx_a.rego"},
		"huge data":           {sandbox.Request{Unsigned: true, Archive: repack(t, huge(t), "")}, "reading it: it took more than"},
		"a rule of no record": {signed(without(small(t, quiet), "registry/x/data.yaml")), "rules/x/xx_a.rego"},
		"a foreign package": {signed(merge(small(t, quiet), fstest.MapFS{"lib/evil.rego": {Data: []byte("package system.authz\n\nallow := true\n")}})),
			"lib/evil.rego: package data.system.authz"},
	}
}

const quiet = `finding contains {"effect": "deny", "why": "x"} if input.act == "never"`

func flip(raw []byte, at int) []byte {
	raw = slices.Clone(raw)
	raw[at] ^= 0xff
	return raw
}

func without(files fstest.MapFS, name string) fstest.MapFS {
	files = maps.Clone(files)
	delete(files, name)
	return files
}

func merge(files, more fstest.MapFS) fstest.MapFS {
	files = maps.Clone(files)
	maps.Copy(files, more)
	return files
}

// repack writes an archive without some file.
func repack(t testing.TB, files fstest.MapFS, leave string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for name, f := range files {
		if name == leave {
			continue
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(f.Data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Data); err != nil {
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

// huge is a table that is small in the archive and is not when it is read.
func huge(t testing.TB) fstest.MapFS {
	t.Helper()
	var b strings.Builder
	b.WriteString("review_due: \"2027-01-01\"\nrows:\n")
	for i := range 150_000 {
		fmt.Fprintf(&b, "  US-%d: [{from: \"2026-01-01\"}]\n", i)
	}
	return merge(small(t, quiet), fstest.MapFS{"tables/huge/data.yaml": {Data: []byte(b.String())}})
}

// Every hostile or broken bundle is refused, with its file and the reason.
func TestHostileBundlesAreRefused(t *testing.T) {
	list := hostile(t)
	if len(list) < 30 {
		t.Fatalf("%d hostile bundles, want 30", len(list))
	}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		t.Run(name, func(t *testing.T) {
			r := check(t, list[name].request)
			if len(r.Problems) == 0 {
				t.Fatalf("it was let in: %+v", r)
			}
			text := ""
			for _, p := range r.Problems {
				text += p.String() + "\n"
			}
			if !strings.Contains(text, list[name].says) || strings.Contains(text, "without a word") {
				t.Errorf("it is said\n%s\nwant %q", text, list[name].says)
			}
			t.Logf("%s", strings.SplitN(text, "\n", 2)[0])
		})
	}
}
