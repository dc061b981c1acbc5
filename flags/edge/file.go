package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/quorate/quorate/flags/eval"
)

// look is how often a file is looked at.
const look = 200 * time.Millisecond

// file is a source that is a flagd definition file, in JSON or YAML.
type file struct {
	path  string
	last  os.FileInfo // of what was read last, good or not
	stamp string      // of the same
	raw   []byte      // the last that was good
	set   *eval.Set   // the same, nil until there was one
}

// refresh reads the file again if it has changed, and reports whether what it
// gives did. An error leaves the last good set.
func (f *file) refresh() (changed bool, err error) {
	info, err := os.Stat(f.path) // of what a link leads to
	if err != nil {
		return false, f.once("missing", err)
	}
	stamp := fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	if stamp == f.stamp && f.last != nil && os.SameFile(f.last, info) {
		return false, nil
	}
	f.last = info
	raw, err := readFile(f.path)
	if err != nil {
		return false, f.once(stamp, err)
	}
	if f.set != nil && bytes.Equal(raw, f.raw) {
		f.stamp = stamp
		return false, nil
	}
	set, err := parse(f.path, raw)
	if err != nil {
		return false, f.once(stamp, err)
	}
	f.stamp, f.raw, f.set = stamp, raw, set
	return true, nil
}

// once gives an error the first time that it is met with what stands there now.
func (f *file) once(stamp string, err error) error {
	if f.stamp == stamp && f.set != nil {
		return nil
	}
	f.stamp = stamp
	return err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, eval.MaxDocument+1))
	if err == nil && len(raw) > eval.MaxDocument {
		err = fmt.Errorf("it has more than %d bytes", eval.MaxDocument)
	}
	return raw, err
}

// parse compiles a document. flagd also reads YAML, and flags as a list.
func parse(path string, raw []byte) (*eval.Set, error) {
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".yaml" || ext == ".yml" {
		converted, err := yaml.YAMLToJSON(raw)
		if err != nil {
			return nil, err
		}
		raw = converted
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	if list := bytes.TrimSpace(doc["flags"]); len(list) > 0 && list[0] == '[' {
		flags, err := byKey(list)
		if err != nil {
			return nil, err
		}
		doc["flags"] = flags
		if raw, err = json.Marshal(doc); err != nil {
			return nil, err
		}
	}
	return eval.Compile(raw)
}

// byKey turns a list of flags into flags by their key.
func byKey(list []byte) (json.RawMessage, error) {
	var flags []map[string]json.RawMessage
	if err := json.Unmarshal(list, &flags); err != nil {
		return nil, err
	}
	out := map[string]map[string]json.RawMessage{}
	for i, f := range flags {
		var key string
		if err := json.Unmarshal(f["key"], &key); err != nil || key == "" {
			return nil, fmt.Errorf("/flags/%d: a flag of a list needs a key", i)
		}
		delete(f, "key")
		out[key] = f
	}
	return json.Marshal(out)
}
