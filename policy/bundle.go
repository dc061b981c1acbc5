package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/open-policy-agent/opa/v1/ast"
)

// Limits of what is read as a bundle.
const (
	maxBundleFiles = 2000
	maxBundleBytes = 8 << 20
)

// A Bundle is a set of rules: the registry, the predicates and what they share.
// It is read once, checked, and never changed.
type Bundle struct {
	Revision    string // digest of every file
	RegistryRev string // digest of the data alone
	Manifest    Manifest

	Records map[string]*Record
	ids     []string // sorted

	words   vocabulary
	places  places
	tables  map[string]table
	modules map[string]*ast.Module
	origin  map[string]string // rule id → file
}

type places struct {
	Places map[string]struct {
		Name string `yaml:"name"`
		Zone string `yaml:"zone"`
	} `yaml:"places"`
	Regions map[string][]string `yaml:"regions"`
	zones   map[string]*time.Location
}

// A table is dated reference data by jurisdiction.
type table struct {
	ReviewDue Day                  `yaml:"review_due"`
	Rows      map[string][]Setting `yaml:"rows"`
}

// current is the table as of a day, the same for each jurisdiction's own today.
func (t table) current(today Day) map[string]any {
	rows := make(map[string]any, len(t.Rows))
	for place, list := range t.Rows {
		for _, row := range list {
			if row.from().begun(today) {
				rows[place] = map[string]any(row)
			}
		}
	}
	return rows
}

// Load reads a bundle, with layers over it if any are given, and refuses it with
// file and reason if anything in it is not as it must be. It compiles nothing.
//
// A layer (see Layer) adds rules and changes none. The whole then has a revision of
// its own, made of those of its parts.
func Load(files fs.FS, layers ...fs.FS) (*Bundle, error) {
	b := &Bundle{Records: map[string]*Record{}, tables: map[string]table{}, modules: map[string]*ast.Module{}, origin: map[string]string{}}
	all, data := sha256.New(), sha256.New()
	problems, err := b.take(files, b.read, all, data)
	if err != nil {
		return nil, err
	}
	problems = append(problems, b.checkManifest()...)
	for _, over := range layers {
		fmt.Fprint(all, "\x00\x00")
		added, err := b.takeLayer(over, all, data)
		if err != nil {
			return nil, err
		}
		problems = append(problems, added...)
	}
	if len(problems) == 0 {
		problems = b.check()
	}
	b.Revision, b.RegistryRev = hex.EncodeToString(all.Sum(nil)), hex.EncodeToString(data.Sum(nil))
	b.ids = sortedKeys(b.Records)
	return b, errors.Join(problems...)
}

// take reads every file of one part, and adds to the digests of all and of the data.
func (b *Bundle) take(files fs.FS, read func(name string, raw []byte) error, all, data io.Writer) (problems []error, err error) {
	raw, err := readAll(files)
	if err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(raw) {
		fmt.Fprintf(all, "%s\x00%d\x00%s", name, len(raw[name]), raw[name])
		if path.Ext(name) == ".yaml" {
			fmt.Fprintf(data, "%s\x00%d\x00%s", name, len(raw[name]), raw[name])
		}
		if err := read(name, raw[name]); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	return problems, nil
}

func readAll(files fs.FS) (map[string][]byte, error) {
	raw, size := map[string][]byte{}, 0
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !wanted(name) {
			return err
		}
		content, err := fs.ReadFile(files, name)
		size += len(content)
		if len(raw) >= maxBundleFiles || size > maxBundleBytes {
			return fmt.Errorf("%s: a bundle has at most %d files and %d bytes", name, maxBundleFiles, maxBundleBytes)
		}
		raw[name] = content
		return err
	})
	return raw, err
}

// wanted leaves tests out, and whatever is neither a rule nor data.
func wanted(name string) bool {
	base := path.Base(name)
	return base == ".manifest" || base == "data.yaml" || path.Ext(base) == ".rego" && !strings.HasSuffix(base, "_test.rego")
}

func (b *Bundle) read(name string, raw []byte) error {
	switch dir := path.Dir(name); {
	case name == ".manifest":
		return readManifest(raw, &b.Manifest)
	case path.Ext(name) == ".rego":
		module, err := parseModule(name, raw)
		if err != nil {
			return err
		}
		b.modules[name] = module
		return errors.Join(append(negatedCalls(name, module), b.own(name, module))...)
	case path.Dir(dir) == "registry":
		return b.readRecords(name, raw)
	case dir == "vocabulary":
		return strict(raw, &b.words)
	case dir == "jurisdictions":
		return strict(raw, &b.places)
	case path.Dir(dir) == "tables":
		var t table
		err := strict(raw, &t)
		b.tables[path.Base(dir)] = t
		return err
	}
	return errors.New("stands where nothing is read: registry/SECTION, tables/NAME, vocabulary and jurisdictions hold data")
}

func parseModule(name string, raw []byte) (*ast.Module, error) {
	return ast.ParseModuleWithOpts(name, string(raw), ast.ParserOptions{
		ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: Capabilities(),
	})
}

func strict(raw []byte, into any) error {
	return yaml.UnmarshalWithOptions(raw, into, yaml.DisallowUnknownField())
}

func (b *Bundle) readRecords(name string, raw []byte) error {
	var records map[string]*Record
	if err := strict(raw, &records); err != nil {
		return err
	}
	for _, id := range sortedKeys(records) {
		r := records[id]
		if r == nil {
			return fmt.Errorf("%s: an empty record", id)
		}
		if other, twice := b.Records[id]; twice && other != nil {
			return fmt.Errorf("%s: already in %s", id, b.origin[id])
		}
		r.ID = id
		b.Records[id], b.origin[id] = r, name
	}
	return nil
}

// own notes the package of a rule: data.quorate.rules["ID"], one file each.
func (b *Bundle) own(name string, module *ast.Module) error {
	ref := module.Package.Path
	if len(ref) < 2 || ref[1].Value.Compare(ast.String("quorate")) != 0 {
		return fmt.Errorf("package %s: a bundle's packages begin with quorate", ref)
	}
	if len(ref) < 3 || ref[2].Value.Compare(ast.String("rules")) != 0 {
		return nil
	}
	if len(ref) != 4 {
		return fmt.Errorf(`package %s: a rule's package is quorate.rules["ID"]`, ref)
	}
	id, _ := ref[3].Value.(ast.String)
	key := "rego:" + string(id)
	if other, twice := b.origin[key]; twice {
		return fmt.Errorf("package of %s: already in %s", string(id), other)
	}
	b.origin[key] = name
	if !answers(module) {
		return fmt.Errorf("%s: no rule named finding that is a set (finding contains … if …)", string(id))
	}
	return nil
}

// answers reports whether the package's findings are a set, which is never
// undefined.
func answers(module *ast.Module) bool {
	found := false
	for _, rule := range module.Rules {
		if rule.Head.Name.Equal(ast.Var("finding")) || rule.Head.Ref().String() == "finding" {
			if rule.Head.RuleKind() != ast.MultiValue {
				return false
			}
			found = true
		}
	}
	return found
}

// today is the day in a jurisdiction at that moment.
func (b *Bundle) today(at time.Time, jurisdiction string) Day {
	return today(at, b.places.zones[jurisdiction])
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
