package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/kv"
)

const (
	backupPath = api.Prefix + "/backup"
	// backupTime is as long as one backup may take, and pauseTime as long as its
	// reader may take nothing of it.
	backupTime = time.Hour
	pauseTime  = 30 * time.Second
)

func isBackup(r *http.Request) bool { return r.URL.Path == backupPath }

// A LastBackup says when the store was last backed up, and by whom. It is written
// before the backup is made, so that every backup holds the record of itself.
type LastBackup struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
}

var lastBackup = kv.NewCollection[LastBackup]("backups", 1).Key("last")

// backupRoutes serves backups, and the acceptance of a restored one.
func (s *Server) backupRoutes(router chi.Router, a huma.API) {
	router.Post(backupPath, s.serveBackup)
	huma.Register(a, huma.Operation{OperationID: "accept-restore", Method: http.MethodPost, Path: api.Prefix + "/restore/accept", Tags: []string{"record"},
		Summary: "Accept a restored backup, and with it what was lost"},
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				Reason string `json:"reason" minLength:"1" doc:"Why the loss is accepted; kept in the record."`
			}
		}) (*api.Written[kv.Incarnation], error) {
			receipt, err := s.acceptRestore(ctx, in.Origin(ctx, in.Body.Reason, 0))
			return api.Wrote(s.store.Incarnation(), receipt, err)
		})
}

// serveBackup sends a backup. That it was asked for stands in the record; whether
// all of it arrived, the one who asked finds out by reading it.
func (s *Server) serveBackup(w http.ResponseWriter, r *http.Request) {
	origin := api.Origin(r.Context(), r.Header.Get("Idempotency-Key"), r.Header.Get("X-Reason"), 0)
	change := origin.Change(identity.Backup, identity.Target{Kind: "store"}, map[string]any{"backup": true})
	_, err := s.gate.Submit(r.Context(), change, func(tx *kv.Tx, c gate.Change) error {
		return kv.Put(tx, lastBackup, LastBackup{At: c.At, By: c.Actor.Name})
	})
	if err == nil {
		err = s.Record.Settle(r.Context())
	}
	if err != nil {
		api.Problem(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), backupTime)
	defer cancel()
	w.Header().Set("Content-Type", "application/x-tar")
	out := &patient{to: w, control: http.NewResponseController(w)}
	m, err := s.Record.Backup(ctx, out)
	switch {
	case err != nil && !out.begun:
		api.Problem(w, r, err)
	case err != nil:
		s.cfg.Log.Error("a backup broke off", "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes the half for the whole
	default:
		s.cfg.Log.Info("a backup was sent", "revision", m.Revision, "entries", m.Size, "bytes", m.Bytes)
	}
}

// patient is an answer that may take long, as long as somebody reads it.
type patient struct {
	to      http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *patient) Write(b []byte) (int, error) {
	p.begun = true
	_ = p.control.SetWriteDeadline(time.Now().Add(pauseTime)) // without it the server's own limit holds
	return p.to.Write(b)
}

// acceptRestore lets a person accept what a restored backup has lost, while this
// replica goes on from what it knew before.
func (s *Server) acceptRestore(ctx context.Context, origin gate.Origin) (gate.Receipt, error) {
	target := identity.Target{Kind: "store"}
	if s.store.RolledBack() == nil { // the gate records who tried
		return s.gate.Submit(ctx, origin.Change(identity.AcceptRestore, target, map[string]any{}), func(*kv.Tx, gate.Change) error {
			return fault.New(fault.Conflict, "nothing_to_accept", "no restored backup waits to be accepted").Do("see /readyz for what this replica knows of the store")
		})
	}
	if err := identity.Can(origin.Actor, identity.AcceptRestore, target); err != nil {
		return gate.Receipt{}, err
	}
	if err := identity.RequireFresh(origin.Actor, s.cfg.Now(), identity.FreshFor); err != nil {
		return gate.Receipt{}, err
	}
	var receipt gate.Receipt
	err := s.submitAcceptance(ctx, origin, &receipt)
	return receipt, err
}

// accept is acceptRestore for whoever may start the server.
func (s *Server) accept(ctx context.Context, origin gate.Origin) error {
	var receipt gate.Receipt
	return s.submitAcceptance(ctx, origin, &receipt)
}

func (s *Server) submitAcceptance(ctx context.Context, origin gate.Origin, receipt *gate.Receipt) error {
	return s.store.AcceptRestore(func(epoch int64) (err error) {
		change := origin.Change(identity.AcceptRestore, identity.Target{Kind: "store"}, map[string]any{"epoch": epoch})
		*receipt, err = s.gate.Submit(ctx, change, func(tx *kv.Tx, _ gate.Change) error { return kv.RaiseEpoch(tx, epoch) })
		return err
	})
}
