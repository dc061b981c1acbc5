package client

import (
	"context"
	"crypto/sha256"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
)

// A RecordPage is a part of the record, the newest entries first.
type RecordPage struct {
	Items []audit.Entry `json:"items"`
	Next  int64         `json:"next"` // Before of the next page; 0: there is none
}

// An EntryProof is an entry with what proves it; File is what audit.Verify reads.
type EntryProof struct {
	Index      int64  `json:"index"`
	Size       int64  `json:"size"`
	Checkpoint string `json:"checkpoint"`
	Key        string `json:"key"`
	File       string `json:"file"`
}

// Review reads the part of the record that a query wants.
func (c *Client) Review(ctx context.Context, q audit.Query) (Answer[RecordPage], error) {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("who", q.Who)
	set("action", string(q.Action))
	set("region", q.Region)
	set("result", string(q.Result))
	set("role", string(q.Role))
	set("strength", string(q.By))
	if q.Emergency {
		v.Set("emergency", "true")
	}
	for name, t := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339))
		}
	}
	if q.Before > 0 {
		v.Set("before", strconv.FormatInt(q.Before, 10))
	}
	v.Set("limit", strconv.Itoa(q.Limit))
	return read[RecordPage](ctx, c, c.v1("audit")+"?"+v.Encode(), nil)
}

// RecordKey is the key that signs the record.
func (c *Client) RecordKey(ctx context.Context) (Answer[audit.Key], error) {
	return read[audit.Key](ctx, c, c.v1("audit", "key"), nil)
}

// ShowEntry shows one entry of the record.
func (c *Client) ShowEntry(ctx context.Context, key string) (Answer[audit.Entry], error) {
	return read[audit.Entry](ctx, c, c.v1("audit", "entries", key), nil)
}

// ProveEntry proves that an entry is in the signed record.
func (c *Client) ProveEntry(ctx context.Context, key string) (Answer[EntryProof], error) {
	return read[EntryProof](ctx, c, c.v1("audit", "entries", key, "proof"), nil)
}

// RecordLog is the log behind the record, as a source to export from.
func (c *Client) RecordLog() audit.Source { return recordLog{c} }

type recordLog struct{ *Client }

func (l recordLog) Checkpoint(ctx context.Context) (audit.Checkpoint, string, error) {
	key, err := l.RecordKey(ctx)
	if err != nil {
		return audit.Checkpoint{}, "", err
	}
	signed, err := l.fetch(ctx, l.at("audit", "log", "checkpoint")+"?settled")
	if err != nil {
		return audit.Checkpoint{}, "", err
	}
	public, err := audit.ParseVerifierKey(key.Value.Key)
	if err != nil {
		return audit.Checkpoint{}, "", err
	}
	checkpoint, err := audit.OpenCheckpoint(signed, public)
	if err != nil {
		return checkpoint, "", fault.New(fault.Internal, "bad_checkpoint", "the server's checkpoint is not signed with the key it names").Because(err)
	}
	return checkpoint, key.Value.Key, nil
}

func (l recordLog) Tile(ctx context.Context, level int, n int64, width int) ([]byte, error) {
	return l.fetch(ctx, l.base.String()+"/audit/log/"+audit.TilePath(level, n, width))
}

func (l recordLog) Entries(ctx context.Context, n int64, width int) ([]byte, error) {
	return l.fetch(ctx, l.base.String()+"/audit/log/"+audit.TilePath(-1, n, width))
}

func (l recordLog) Beside(ctx context.Context, n int64, digest string) ([]byte, error) {
	if len(digest) != 2*sha256.Size {
		return nil, fault.New(fault.Internal, "bad_source", "the server named a leaf by no digest")
	}
	return l.fetch(ctx, l.at("audit", "log", "leaf", digest)+"?bundle="+strconv.FormatInt(n, 10))
}

// fetch reads what is no JSON.
func (c *Client) fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_url", "no request can be made of this").Do("check --url").Because(err)
	}
	c.fillHeader(req.Header, question{})
	req.Header.Set("Accept", "*/*")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, orGivenUp(ctx, c.noAnswer(err, true))
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end, or is given up
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, orGivenUp(ctx, c.noAnswer(err, true))
	case mediaType == "application/problem+json":
		return nil, problem(body)
	case res.StatusCode != http.StatusOK || len(body) > maxAnswer:
		return nil, fault.New(fault.Internal, "not_quorate", "%s answered %d %s, which is not how Quorate answers",
			c.base, res.StatusCode, http.StatusText(res.StatusCode)).Do("check --url and what stands between")
	}
	return body, nil
}

// A KeyReplacement says which key signs the record in place of which.
type KeyReplacement struct {
	Old    string `json:"old"`
	New    string `json:"new"`
	Server string `json:"server"` // that has the new one
}

// ReplaceRecordKey has the server make another key that signs the record.
func (c *Client) ReplaceRecordKey(ctx context.Context, reason string) (Written[KeyReplacement], error) {
	return write[KeyReplacement](ctx, c, http.MethodPost, c.v1("audit", "key", "replace"), Why{Reason: reason})
}
