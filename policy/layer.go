package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Layer says whose rules a bundle holds, and so who may activate it.
type Layer string

// The law is the ground: counsel and compliance activate it. The group's rules and
// a region's own procedures stand on it and can only add to it. A rule of theirs
// may deny, oblige, require proof or send to review; it gives no basis to a
// restriction, no exception from a licence and no relaxation of another rule.
const (
	Law    Layer = "law"
	Group  Layer = "group"
	Region Layer = "region"
)

// Layers lists every layer, from the ground up.
var Layers = []Layer{Law, Group, Region}

// A Manifest is what a bundle says of itself.
type Manifest struct {
	Name            string `json:"name,omitempty"`
	Layer           Layer  `json:"layer"`            // law, if it says none
	Region          string `json:"region,omitempty"` // of a region's own procedures
	AsLastConfirmed Day    `json:"as_last_confirmed"`
	Notice          string `json:"notice,omitempty"`
}

// loosening are the names by which a rule of the law loosens another.
var loosening = []string{"basis", "exception", "relaxation"}

func readManifest(raw []byte, into *Manifest) error {
	var m struct {
		Metadata struct {
			Manifest
		} `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("it is no JSON object with a member metadata: %w", err)
	}
	*into = m.Metadata.Manifest
	if into.Layer == "" {
		into.Layer = Law
	}
	return nil
}

// checkManifest holds what a bundle of the ground says of itself to what it is.
func (b *Bundle) checkManifest() []error {
	if b.Manifest.Layer == "" { // a bare directory of rules
		b.Manifest.Layer = Law
	}
	return b.Manifest.problems(Law)
}

func (m *Manifest) problems(may ...Layer) []error {
	var list []error
	if !slices.Contains(may, m.Layer) {
		list = append(list, fmt.Errorf(".manifest: layer %q stands here, where it must be one of %v", m.Layer, may))
	}
	if (m.Layer == Region) != (m.Region != "") {
		list = append(list, errors.New(".manifest: a region is named by a bundle of layer region, and by no other"))
	}
	if _, err := ParseDay(string(m.AsLastConfirmed)); err != nil && m.AsLastConfirmed != "" {
		list = append(list, fmt.Errorf(".manifest: as_last_confirmed %w", err))
	}
	return list
}

// Identify reads what a bundle says of itself and its revision, without parsing any
// of its rules.
func Identify(files fs.FS) (*Bundle, error) {
	raw, err := readAll(files)
	if err != nil {
		return nil, err
	}
	b := &Bundle{}
	if raw[".manifest"] == nil {
		return nil, errors.New(".manifest: it is missing")
	}
	if err := readManifest(raw[".manifest"], &b.Manifest); err != nil {
		return nil, fmt.Errorf(".manifest: %w", err)
	}
	all := sha256.New()
	for _, name := range sortedKeys(raw) {
		fmt.Fprintf(all, "%s\x00%d\x00%s", name, len(raw[name]), raw[name])
	}
	b.Revision = hex.EncodeToString(all.Sum(nil))
	problems := b.Manifest.problems(Layers...)
	if b.Manifest.AsLastConfirmed == "" {
		problems = append(problems, errors.New(".manifest: as_last_confirmed is missing: the day as of which somebody confirmed these rules"))
	}
	return b, errors.Join(problems...)
}

// takeLayer adds the rules of a layer.
func (b *Bundle) takeLayer(files fs.FS, all, data io.Writer) ([]error, error) {
	l := &layer{Bundle: b}
	raw, err := fs.ReadFile(files, ".manifest")
	if err != nil {
		return nil, errors.New(".manifest: a layer over the law needs one")
	}
	if err := readManifest(raw, &l.Manifest); err != nil {
		return nil, fmt.Errorf(".manifest: %w", err)
	}
	if wrong := l.problems(Group, Region); len(wrong) > 0 {
		return wrong, nil
	}
	if l.Layer == Region {
		if _, known := b.places.Regions[l.Region]; !known && len(b.places.Regions) > 0 {
			return []error{fmt.Errorf(".manifest: region %q is not known to the law", clip(l.Region))}, nil
		}
	}
	return b.take(files, l.read, all, data)
}

// A layer is being added to a bundle.
type layer struct {
	*Bundle
	Manifest
}

// prefix is what the ids of the layer's rules begin with, so that they cannot be
// taken for law: GRP-…, or the region's key in capitals.
func (l *layer) prefix() string {
	if l.Layer == Region {
		return strings.ToUpper(l.Region) + "-OWN-"
	}
	return "GRP-"
}

func (l *layer) problems(may ...Layer) []error { return l.Manifest.problems(may...) }

func (l *layer) read(name string, raw []byte) error {
	switch {
	case name == ".manifest":
		return nil
	case path.Ext(name) == ".rego":
		return l.readRule(name, raw)
	case path.Dir(path.Dir(name)) == "registry":
		return l.readRegistry(name, raw)
	}
	return errors.New("a layer over the law holds rules and their records only")
}

// at is how a layer's file is called in the whole.
func (l *layer) at(name string) string { return string(l.Layer) + l.Region + "/" + name }

func (l *layer) readRegistry(name string, raw []byte) error {
	before := maps.Clone(l.Records)
	if err := l.readRecords(name, raw); err != nil {
		return err
	}
	if len(l.Records) == len(before) {
		return errors.New("it holds no record")
	}
	for _, id := range sortedKeys(l.Records) {
		r := l.Records[id]
		if before[id] != nil {
			continue
		}
		if !strings.HasPrefix(id, l.prefix()) {
			return fmt.Errorf("%s: the id of a rule of this layer begins with %s", id, l.prefix())
		}
		if len(r.Relaxations) > 0 || r.Opinion != nil {
			return fmt.Errorf("%s: a layer over the law relaxes nothing and holds no opinion of counsel", id)
		}
		r.Region = l.Region
		l.origin[id] = l.at(name)
	}
	return nil
}

func (l *layer) readRule(name string, raw []byte) error {
	file := l.at(name)
	module, err := parseModule(file, raw)
	if err != nil {
		return err
	}
	ref := module.Package.Path
	if len(ref) != 4 || ref[2].Value.Compare(ast.String("rules")) != 0 {
		return fmt.Errorf(`package %s: a layer's packages are quorate.rules["ID"]`, ref)
	}
	if id, _ := ref[3].Value.(ast.String); !strings.HasPrefix(string(id), l.prefix()) {
		return fmt.Errorf("package %s: the id of a rule of this layer begins with %s", ref, l.prefix())
	}
	for _, rule := range module.Rules {
		head := rule.Head.Ref().String()
		if head = firstWord.FindString(head); slices.Contains(loosening, head) {
			return fmt.Errorf("%s:%d: a layer over the law adds to it and loosens nothing: %s", file, rule.Location.Row, head)
		}
	}
	l.modules[file] = module
	return errors.Join(append(negatedCalls(file, module), l.own(file, module))...)
}

var firstWord = regexp.MustCompile(`^[a-z_]+`)
