package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

// setOptions are the options of a command that sets a record: from a file, or
// field by field by the options in fields.
type setOptions struct {
	whyOptions
	c      *cli
	file   string
	fields []string
}

func (o *setOptions) register(cmd *cobra.Command, fields ...string) {
	cmd.Flags().StringVarP(&o.file, "file", "f", "", "`FILE` with the whole record in YAML or JSON; - is standard input")
	o.whyOptions.register(cmd)
	o.registerRevision(cmd)
	o.fields = fields
}

// record is the record to send: what the file says, or the present one with the
// fields changed. names are the fields that the command line names by arguments.
// Unless told otherwise the change is made for the revision that
// was read.
func (o *setOptions) record(cmd *cobra.Command, names map[string]string, edit func(*client.Client) (edited any, revision int64, err error)) (json.RawMessage, error) {
	given := o.given(cmd)
	switch {
	case o.file != "" && given != "":
		return nil, misuse("--file and --%s were both given", given).Do("give the whole record in the file, or fields by options")
	case o.file == "" && given == "":
		return nil, misuse("nothing was given to set").Do("%s", o.remedy())
	case o.file != "":
		value, revision, err := o.c.readRecord(o.file)
		o.base(revision)
		if err != nil {
			return nil, err
		}
		return named(value, names)
	}
	server, err := o.c.server()
	if err != nil {
		return nil, err
	}
	defer o.c.sayIfSlow()()
	edited, revision, err := edit(server)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	o.base(revision)
	raw, err := json.Marshal(edited)
	if err != nil {
		return nil, err
	}
	return named(raw, names)
}

// named fills in the names that the command line gives and the record leaves out.
func named(record json.RawMessage, names map[string]string) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		return nil, err
	}
	for field, name := range names {
		if text := string(fields[field]); text == "" || text == `""` {
			quoted, err := json.Marshal(name)
			if err != nil {
				return nil, err
			}
			fields[field] = quoted
		}
	}
	return json.Marshal(fields)
}

func (o *setOptions) base(revision int64) {
	if o.IfRevision == 0 {
		o.IfRevision = revision
	}
}

func (o *setOptions) given(cmd *cobra.Command) string {
	for _, name := range o.fields {
		if cmd.Flag(name).Changed {
			return name
		}
	}
	return ""
}

func (o *setOptions) remedy() string {
	if len(o.fields) == 0 {
		return "say --file FILE"
	}
	return "say --file FILE, or some of --" + strings.Join(o.fields, ", --")
}

// override changes a field if its option was given.
func override[T any](cmd *cobra.Command, option string, field *T, value T) {
	if cmd.Flag(option).Changed {
		*field = value
	}
}
