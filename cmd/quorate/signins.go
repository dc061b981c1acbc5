package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

// keptSignIns are the tokens of `quorate login`, by the server they are from: one
// is never sent to another.
type keptSignIns map[string]keptToken

type keptToken struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// signInsFile stands beside the file of options; "" if there is no such folder.
func (c *cli) signInsFile() string {
	if file := c.usualConfigFile(); file != "" {
		return filepath.Join(filepath.Dir(file), "sign-ins.json")
	}
	return ""
}

func (c *cli) readSignIns() (keptSignIns, error) {
	kept, file := keptSignIns{}, c.signInsFile()
	if file == "" {
		return kept, nil
	}
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "open_file", "the file %s holds tokens and can be read by others (mode %04o)", file, info.Mode().Perm()).
			Do("say `chmod 600 %s`", file)
	}
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &kept)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_file", "the file %s of sign-ins cannot be read", file).Do("remove it and say `quorate login`").Because(err)
	}
	return kept, nil
}

// keptSignIn is the token of a sign-in at a server, "" if there is none, or none
// that could still count.
func (c *cli) keptSignIn(server string) (string, error) {
	kept, err := c.readSignIns()
	if t, ok := kept[server]; ok && c.now().Before(t.Expires) {
		return t.Token, err
	}
	return "", err
}

func (c *cli) keepSignIn(server string, s client.SignedIn) error {
	return c.changeSignIns(func(kept keptSignIns) { kept[server] = keptToken{Token: s.Secret, Expires: s.Expires} })
}

func (c *cli) forgetSignIn(server string) error {
	return c.changeSignIns(func(kept keptSignIns) { delete(kept, server) })
}

func (c *cli) changeSignIns(change func(keptSignIns)) error {
	file := c.signInsFile()
	if file == "" {
		return fault.New(fault.Invalid, "no_home", "there is no folder to keep the sign-in in").Do("set HOME or XDG_CONFIG_HOME")
	}
	kept, err := c.readSignIns()
	if err != nil {
		return err
	}
	change(kept)
	for server, t := range kept { // what has ended need not lie about
		if !c.now().Before(t.Expires) {
			delete(kept, server)
		}
	}
	raw, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fault.New(fault.Invalid, "bad_file", "the folder of %s cannot be made: %v", file, plainCause(err)).Do("check HOME or XDG_CONFIG_HOME")
	}
	if err := renameio.WriteFile(file, append(raw, '\n'), 0o600); err != nil {
		return fault.New(fault.Invalid, "bad_file", "the file %s cannot be written: %v", file, plainCause(err)).Do("check its folder")
	}
	return nil
}
