package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

// KeyReplacement says which key signs the record in place of which.
type KeyReplacement struct {
	Old    string `json:"old" doc:"Short form of the key that signed."`
	New    string `json:"new" doc:"Short form of the key that signs."`
	Server string `json:"server" doc:"The server that has the new key; the others need a copy."`
}

// keyRoutes serves the key that signs the record, and its replacement.
func (s *Server) keyRoutes(a huma.API) {
	huma.Register(a, recordOperation("show-record-key", "/audit/key", "The key that signs the record"),
		func(ctx context.Context, _ *struct{}) (*api.Out[audit.Key], error) {
			if err := mayKeep(ctx); err != nil {
				return nil, err
			}
			return api.Read(s.Record.PublicKey(ctx))
		})
	huma.Register(a, huma.Operation{OperationID: "replace-record-key", Method: http.MethodPost, Path: api.Prefix + "/audit/key/replace", Tags: []string{"record"},
		Summary: "Have another key sign the record"},
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				Reason string `json:"reason" minLength:"1" doc:"Why; kept in the record."`
			}
		}) (*api.Written[KeyReplacement], error) {
			r, receipt, err := s.replaceKey(ctx, in.Origin(ctx, in.Body.Reason, 0))
			return api.Wrote(r, receipt, err)
		})
}

// replaceKey puts a new key, which is on this server's disk, in the record.
func (s *Server) replaceKey(ctx context.Context, origin gate.Origin) (KeyReplacement, gate.Receipt, error) {
	var next audit.Replacement
	change := origin.Change(identity.ReplaceKey, identity.Target{Kind: "record"}, map[string]any{})
	receipt, err := s.gate.Submit(ctx, change, func(tx *kv.Tx, c gate.Change) (err error) {
		if err := identity.RequireFresh(c.Actor, c.At, identity.FreshFor); err != nil {
			return err
		}
		if next, err = s.Record.Successor(tx.Context()); err != nil {
			return err
		}
		return next.Put(tx)
	})
	return KeyReplacement{Old: audit.KeyID(next.Old), New: audit.KeyID(next.New), Server: s.replica}, receipt, err
}
