package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

// keep holds the server's newest checkpoint against the one that this user has
// kept of it, and keeps the newer one. A record that does not continue what was
// kept is refused; of another store, or one that was restored, the user is told,
// and what was kept is put aside. A user without a home keeps nothing.
func (c *cli) keep(ctx context.Context, server *client.Client) error {
	file := c.keptFile()
	if file == "" {
		return nil
	}
	kept, err := audit.LoadKept(file)
	if err != nil {
		return err
	}
	next, err := server.Keep(ctx, kept)
	if fault.HasCode(err, "record_restored") || fault.HasCode(err, "another_record") {
		aside := fmt.Sprintf("%s.%s", file, c.now().UTC().Format("20060102T150405Z"))
		c.complain(fmt.Sprintf("%s; what was kept is in %s", fault.From(err), aside))
		if err = os.Rename(file, aside); err == nil {
			next, err = server.Keep(ctx, audit.Kept{})
		}
	}
	if f := fault.From(err); err != nil && f.Kind == fault.Refused {
		return fault.New(fault.Refused, f.Code, "%s; the checkpoint that was kept is in %s", f.Message, file).Do("%s", f.Remedy)
	}
	if err != nil || next == kept {
		return err
	}
	return next.Save(file)
}

// keptFile is where the newest checkpoint of the server is kept, "" if nowhere.
func (c *cli) keptFile() string {
	dir, ok := c.env("XDG_STATE_HOME")
	if !ok || !filepath.IsAbs(dir) {
		home, ok := c.env("HOME")
		if _, err := os.Stat(home); !ok || !filepath.IsAbs(home) || errors.Is(err, os.ErrNotExist) {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	name := sha256.Sum256([]byte(c.url)) // an address is no name of a file
	return filepath.Join(dir, "quorate", "checkpoints", hex.EncodeToString(name[:8])+".json")
}
