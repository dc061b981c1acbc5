package client

import (
	"context"

	"github.com/quorate/quorate/internal/audit"
)

// Keep asks for the newest checkpoint of the record and for the proof that it
// continues the one that is kept; see audit.Kept.Continue.
func (c *Client) Keep(ctx context.Context, kept audit.Kept) (audit.Kept, error) {
	return kept.Continue(ctx, func(ctx context.Context, path string) ([]byte, error) { return c.fetch(ctx, c.base.String()+path) })
}
