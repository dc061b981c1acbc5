package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/quorate/quorate/internal/fault"
)

// configure sets every option that was not given on the command line from the
// environment or, failing that, from the file of options. It runs before any
// command does.
func (c *cli) configure(cmd *cobra.Command, _ []string) error {
	if err := c.fromEnv(cmd.Flag("config")); err != nil {
		return err
	}
	file, err := c.readConfigFile(cmd.Root())
	if err != nil {
		return err
	}
	cmd.Flags().VisitAll(func(o *pflag.Flag) {
		if err == nil && configurable(o) {
			err = c.settle(o, file)
		}
	})
	if err != nil {
		return err
	}
	if !slices.Contains(formats, c.output) {
		return misuse("there is no output %.40q", c.output).Do("use one of: %s", strings.Join(formats, ", ")).At("--output")
	}
	if c.wait < 0 {
		return misuse("the value of --wait is less than nothing").Do("use a time such as 15s, or 0s not to wait").At("--wait")
	}
	return nil
}

// configurable excludes the options that make no sense elsewhere, and the one
// that must be said each time: accepting a restore that stands in a file would
// accept every later one too.
func configurable(o *pflag.Flag) bool {
	return !slices.Contains([]string{"help", "version", "accept-restore"}, o.Name)
}

// settle gives an option the value of the first place that has one.
func (c *cli) settle(o *pflag.Flag, file configFile) error {
	if err := c.fromEnv(o); err != nil || o.Changed {
		return err
	}
	values, ok := file.values[o.Name]
	if !ok {
		return nil
	}
	return set(o, values, "`"+o.Name+"` in "+file.path)
}

func (c *cli) fromEnv(o *pflag.Flag) error {
	name := envName(o.Name)
	value, ok := c.env(name)
	if o.Changed || !ok || value == "" {
		return nil
	}
	if _, list := o.Value.(pflag.SliceValue); list {
		return set(o, strings.Split(value, ","), name)
	}
	return set(o, []string{value}, name)
}

// envName is the variable of the environment that stands for an option.
func envName(option string) string {
	return "QUORATE_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// set gives an option a value from elsewhere; the source, never the value, is
// named if it does not fit.
func set(o *pflag.Flag, values []string, source string) error {
	var err error
	if list, ok := o.Value.(pflag.SliceValue); ok {
		err = list.Replace(values)
	} else if len(values) != 1 {
		err = errors.New("a list")
	} else {
		err = o.Value.Set(values[0])
	}
	if err != nil {
		return badValue(source, o).Do("correct it; see `quorate help config`")
	}
	o.Changed = true
	return nil
}

// configFile is the file of options: values by the option's name.
type configFile struct {
	path   string
	values map[string][]string
}

// readConfigFile reads the file that --config names, or the usual one if it is
// there.
func (c *cli) readConfigFile(root *cobra.Command) (configFile, error) {
	path, named := c.config, c.config != ""
	if !named {
		path = c.usualConfigFile()
	}
	if path == "" {
		return configFile{}, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return configFile{}, nil
	}
	if err != nil {
		return configFile{}, badConfig(path, "cannot be read: %v", plainCause(err)).Do("check --config")
	}
	file, err := parseConfig(path, raw)
	if err != nil {
		return configFile{}, err
	}
	return file, file.check(root)
}

func (c *cli) usualConfigFile() string {
	if dir, ok := c.env("XDG_CONFIG_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "quorate", "config.yaml")
	}
	if home, ok := c.env("HOME"); ok && home != "" {
		return filepath.Join(home, ".config", "quorate", "config.yaml")
	}
	return ""
}

func badConfig(path, format string, args ...any) *fault.Error {
	f := misuse(format, args...)
	f.Message = "the file of options " + path + " " + f.Message
	return f.At("--config")
}

func parseConfig(path string, raw []byte) (configFile, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return configFile{}, badConfig(path, "is not a list of `option: value` in YAML").Do("see `quorate help config`")
	}
	file := configFile{path: path, values: map[string][]string{}}
	for key, value := range doc {
		values, err := scalars(value)
		if err != nil {
			return configFile{}, badConfig(path, "has no single value or list of values for `%.60s`", key).Do("see `quorate help config`")
		}
		file.values[key] = values
	}
	return file, nil
}

// check refuses keys that no command knows, and a token that others can read.
func (f configFile) check(root *cobra.Command) error {
	known := optionNames(root)
	for key := range f.values {
		if !known[key] || key == "config" {
			return badConfig(f.path, "has the key `%.60s`, which is no option", key).Do("remove it; see `quorate help config`")
		}
	}
	if _, ok := f.values["token"]; !ok {
		return nil
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return badConfig(f.path, "cannot be read: %v", plainCause(err)).Do("check --config")
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return badConfig(f.path, "holds a token and can be read by others (mode %04o)", info.Mode().Perm()).Do("say `chmod 600 %s`", f.path)
	}
	return nil
}

// optionNames is the name of every option of every command.
func optionNames(root *cobra.Command) map[string]bool {
	names := map[string]bool{}
	everyCommand(root, func(cmd *cobra.Command) {
		for _, set := range []*pflag.FlagSet{cmd.LocalFlags(), cmd.PersistentFlags()} {
			set.VisitAll(func(o *pflag.Flag) { names[o.Name] = configurable(o) })
		}
	})
	return names
}
