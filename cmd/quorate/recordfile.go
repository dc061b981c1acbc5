package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml"

	"github.com/quorate/quorate/internal/fault"
)

// maxFile is as much as the server takes in one request.
const maxFile = 1 << 20

// readFile reads a file that an option names; - is standard input.
func (c *cli) readFile(option, name string) ([]byte, error) {
	in := c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, badFile(option, name, plainCause(err))
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return nil, badFile(option, name, plainCause(err))
	case len(raw) > maxFile:
		return nil, fault.New(fault.TooLarge, "file_too_large", "%s: the file %s has more than %d bytes", option, name, maxFile).
			Do("give less at once").At(option)
	}
	return raw, nil
}

func badFile(option, name string, cause error) error {
	return misuse("%s: the file %s cannot be read: %v", option, name, cause).Do("check its name").At(option)
}

// readRecord reads a record from a file of YAML or JSON. A record as `show`
// prints it, {revision, value}, is taken with its revision, so that what was
// shown, edited and set does not overwrite what somebody else did meanwhile.
func (c *cli) readRecord(name string) (value json.RawMessage, revision int64, err error) {
	raw, err := c.readFile("--file", name)
	if err != nil {
		return nil, 0, err
	}
	doc, err := parseRecord(raw)
	if err != nil {
		return nil, 0, misuse("the file %s is no record in YAML or JSON: %v", name, err).
			Do("write it as show --output yaml does").At("--file")
	}
	var shown struct {
		Revision *int64          `json:"revision"`
		Value    json.RawMessage `json:"value"`
	}
	strict := json.NewDecoder(bytes.NewReader(doc))
	strict.DisallowUnknownFields()
	if strict.Decode(&shown) == nil && shown.Revision != nil && shown.Value != nil {
		return shown.Value, *shown.Revision, nil
	}
	return doc, 0, nil
}

// parseRecord turns a YAML document, which JSON is too, into JSON.
func parseRecord(raw []byte) (json.RawMessage, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw), yaml.UseOrderedMap())
	var doc, more any
	if err := decoder.Decode(&doc); err != nil {
		return nil, plainYAML(err)
	}
	if _, ok := doc.(yaml.MapSlice); !ok {
		return nil, errors.New("it is not a list of `field: value`")
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one document")
	}
	out, err := yaml.MarshalWithOptions(doc, yaml.JSON())
	if err != nil || !json.Valid(out) {
		return nil, errors.New("it holds something that JSON has no word for")
	}
	return out, nil
}

// plainYAML is what is wrong, and where, without the excerpt over several lines.
func plainYAML(err error) error {
	var at yaml.Error
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case errors.As(err, &at) && at.GetToken() != nil:
		return fmt.Errorf("line %d: %s", at.GetToken().Position.Line, at.GetMessage())
	}
	return err
}
