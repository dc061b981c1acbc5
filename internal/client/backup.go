package client

import (
	"context"
	"io"
	"mime"
	"net/http"

	"github.com/quorate/quorate/internal/fault"
)

// Backup writes a backup of the server's store to w. It is not known to be whole
// before it has been read with audit.ReadBackup.
func (c *Client) Backup(ctx context.Context, reason string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.v1("backup"), http.NoBody)
	if err != nil {
		return fault.New(fault.Invalid, "bad_url", "no request can be made of this").Do("check --url").Because(err)
	}
	c.fillHeader(req.Header, question{})
	req.Header.Set("Accept", "*/*")
	if reason != "" {
		req.Header.Set("X-Reason", reason)
	}
	patient := *c.http
	patient.Timeout = 0 // a backup takes as long as it takes; ctx ends it
	res, err := patient.Do(req)
	if err != nil {
		return orGivenUp(ctx, c.noAnswer(err, true))
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or is given up
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case mediaType == "application/problem+json":
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // what there is of it
		return problem(body)
	case res.StatusCode != http.StatusOK || mediaType != "application/x-tar":
		return fault.New(fault.Internal, "not_quorate", "%s answered %d %s, which is not how Quorate answers",
			c.base, res.StatusCode, http.StatusText(res.StatusCode)).Do("check --url and what stands between")
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return orGivenUp(ctx, c.noAnswer(err, true))
	}
	return nil
}

// Life is one life of a server's store.
type Life struct {
	ID    string `json:"id"`
	Epoch int64  `json:"epoch"`
}

// AcceptRestore accepts what a restored backup has lost.
func (c *Client) AcceptRestore(ctx context.Context, reason string) (Written[Life], error) {
	return write[Life](ctx, c, http.MethodPost, c.v1("restore", "accept"), Why{Reason: reason})
}
