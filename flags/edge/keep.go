package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
)

// An edge is apart from the server it follows. So it keeps, beside its snapshot,
// the newest checkpoint of the server's record, and says when a newer one does not
// continue it: then the record was rolled back, rewritten or forked. It goes on
// serving; who decided what is not its business.

const (
	keepEvery = time.Minute
	keepFile  = "checkpoint.json"
	maxShown  = 64 << 10 // bytes of one answer
)

// keeper keeps checkpoints of one server's record.
type keeper struct {
	url, token, file string
	client           *http.Client
}

// newKeeper is nil if there is no server to ask, no token to ask with, or no place
// to keep what it says.
func newKeeper(api string, u Upstream, token string, secure *tls.Config) *keeper {
	if api == "" || token == "" || u.DataDir == "" {
		return nil
	}
	return &keeper{url: strings.TrimSuffix(api, "/"), token: token, file: filepath.Join(u.DataDir, keepFile),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// keep looks after the checkpoint until ctx ends.
func (e *Edge) keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	said := ""
	for {
		err := e.keeper.once(ctx)
		broken := fault.From(err)
		if err == nil || broken.Kind != fault.Refused {
			// A server that cannot be reached, or asks for patience, proves nothing, nor
			// does it make good what was found.
			if err == nil {
				e.metrics.forked.Set(0)
				said = ""
			}
		} else {
			e.metrics.forked.Set(1)
			if said != broken.Code {
				e.cfg.Log.Error("the server's record does not continue the checkpoint that was kept", "code", broken.Code, "error", broken, "kept", e.keeper.file)
				said = broken.Code
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// once asks for the newest checkpoint and keeps it. After a restore that was
// accepted what was kept before is put aside, and the first error says so.
func (k *keeper) once(ctx context.Context) error {
	kept, err := audit.LoadKept(k.file)
	if err != nil {
		return err
	}
	next, err := kept.Continue(ctx, k.get)
	if fault.HasCode(err, "record_restored") {
		if aside := os.Rename(k.file, k.file+".before"); aside != nil {
			return aside
		}
		if kept := next.Save(k.file); kept != nil {
			return kept
		}
		return err
	}
	if err != nil || next == kept {
		return err
	}
	return next.Save(k.file)
}

func (k *keeper) get(ctx context.Context, path string) ([]byte, error) {
	unheard := fault.New(fault.StoreUnavailable, "server_unheard", "the server does not show its record")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+path, http.NoBody)
	if err != nil {
		return nil, unheard.Because(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.token)
	res, err := k.client.Do(req)
	if err != nil {
		return nil, unheard.Because(err)
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or is given up
	body, err := io.ReadAll(io.LimitReader(res.Body, maxShown+1))
	switch {
	case err != nil:
		return nil, unheard.Because(err)
	case res.StatusCode != http.StatusOK || len(body) > maxShown:
		return nil, unheard.Because(fmt.Errorf("%s answered %d", path, res.StatusCode))
	}
	return body, nil
}
