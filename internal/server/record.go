package server

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// openRecord makes the record of this replica, and its key if it has none.
func (s *Server) openRecord() (err error) {
	s.Record, err = audit.Open(audit.Config{Store: s.store, DataDir: s.cfg.DataDir, Who: s.listener.Addr().String(),
		Now: s.cfg.Now, Logger: s.cfg.Log, Registry: s.registry})
	return err
}

// Outcome is what is known of a change by its idempotency key.
type Outcome struct {
	Key      string `json:"key"`
	Applied  bool   `json:"applied" doc:"True: it stands in the store. False: it does not so far; send it again with the same key to settle it."`
	Revision int64  `json:"revision,omitempty"`
	Says     string `json:"says"`
}

// RecordPage is a part of the record, the newest entries first.
type RecordPage struct {
	Items []audit.Entry `json:"items" nullable:"false"`
	Next  int64         `json:"next,omitempty" doc:"Ask again with before set to this for older entries; absent if there are none."`
}

// EntryProof shows that an entry is in the signed record.
type EntryProof struct {
	Index      int64  `json:"index"`
	Size       int64  `json:"size" doc:"Entries that the checkpoint vouches for."`
	Checkpoint string `json:"checkpoint" doc:"A signed note, c2sp.org/tlog-checkpoint."`
	Key        string `json:"key" doc:"The key that signed it, as signed notes write one."`
	File       string `json:"file" doc:"Entry, proof and checkpoint as one file, which quorate audit verify takes."`
}

// Consistency shows that a record continues an earlier one.
type Consistency struct {
	From       int64    `json:"from"`
	To         int64    `json:"to"`
	Hashes     []string `json:"hashes" nullable:"false" doc:"RFC 6962, section 2.1.2, in base64."`
	Checkpoint string   `json:"checkpoint" doc:"The newest signed checkpoint; of size to, unless to was given."`
}

// reviewInput is what a reviewer looks for.
type reviewInput struct {
	Who       string            `query:"who" maxLength:"256" doc:"Only what this actor did: an id, such as token:4f7c, or a name."`
	Action    identity.Action   `query:"action" maxLength:"64" doc:"Only this action, such as enablement.turn_off."`
	Region    string            `query:"region" maxLength:"64" doc:"Only what was directed at this region. Whoever reads the record of some regions alone must name one."`
	Result    audit.Result      `query:"result" enum:"applied,proposed,refused"`
	Role      identity.Role     `query:"role" maxLength:"64" doc:"Only what was done by somebody who held this role, such as regional_lead."`
	Strength  identity.Strength `query:"strength" enum:"token,host,sign_in" doc:"Only what was done by somebody who proved who they are in this way."`
	Emergency bool              `query:"emergency" doc:"Only what was asked for as an emergency, ahead of its sign-offs."`
	From      time.Time         `query:"from" doc:"Only what was recorded at this time or later (RFC 3339)."`
	To        time.Time         `query:"to" doc:"Only what was recorded before this time (RFC 3339)."`
	Before    int64             `query:"before" minimum:"0" doc:"Only entries of a lower index: the next of the page before."`
	Limit     int               `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many entries, the newest first."`
}

func (in *reviewInput) query() audit.Query {
	return audit.Query{Who: in.Who, Action: in.Action, Region: in.Region, Result: in.Result, Role: in.Role, By: in.Strength, Emergency: in.Emergency, From: in.From, To: in.To, Before: in.Before, Limit: in.Limit}
}

// recordOperation describes a read of the record.
func recordOperation(id, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: api.Prefix + path, Tags: []string{"record"}, Summary: summary}
}

// mayReadRecord asks for the right to read the record: of one region, or, if it
// is empty, all of it.
func mayReadRecord(ctx context.Context, region string) error {
	return identity.Can(api.PrincipalFrom(ctx), identity.ReadRecord, identity.Target{Kind: "record", Region: region})
}

// mayKeep asks for no more than a credential: a checkpoint, the key that signed it
// and the proof that one continues another hold nothing of what was recorded, and
// the more keep them the better.
func mayKeep(ctx context.Context) error {
	if api.PrincipalFrom(ctx).Known() {
		return nil
	}
	return mayReadRecord(ctx, "")
}

// recordRoutes serves the record for people and programs: review, one entry,
// proofs, the key, and the outcome of one change. The log itself is served by
// logRoutes.
func (s *Server) recordRoutes(a huma.API) {
	huma.Register(a, recordOperation("list-record", "/audit", "Review the record"),
		func(ctx context.Context, in *reviewInput) (*api.Out[RecordPage], error) {
			if err := mayReadRecord(ctx, in.Region); err != nil {
				return nil, err
			}
			page, err := s.Record.Review(ctx, in.query())
			if page.Entries == nil {
				page.Entries = []audit.Entry{}
			}
			return api.Read(RecordPage{Items: page.Entries, Next: page.Next}, err)
		})
	s.keyRoutes(a)
	huma.Register(a, recordOperation("show-entry", "/audit/entries/{key}", "One entry of the record"),
		func(ctx context.Context, in *entryInput) (*api.Out[audit.Entry], error) {
			at, err := s.entry(ctx, in.Key)
			return api.Read(audit.Entry{Revision: at.Record.Revision, Index: &at.Index, Leaf: at.Leaf}, err)
		})
	huma.Register(a, recordOperation("prove-entry", "/audit/entries/{key}/proof", "Prove that an entry is in the signed record"),
		func(ctx context.Context, in *entryInput) (*api.Out[EntryProof], error) {
			return api.Read(s.prove(ctx, in.Key))
		})
	huma.Register(a, recordOperation("prove-consistency", "/audit/consistency", "Prove that the record continues an earlier one"),
		func(ctx context.Context, in *struct {
			From int64 `query:"from" minimum:"0" doc:"Entries that the earlier record had, at least 1."`
			To   int64 `query:"to" minimum:"0" doc:"Entries that the later one has; 0 or absent: those of the newest checkpoint."`
		}) (*api.Out[Consistency], error) {
			return api.Read(s.consistency(ctx, in.From, in.To))
		})
	huma.Register(a, recordOperation("show-outcome", "/outcomes/{key}", "Whether a change was applied, by its idempotency key"),
		func(ctx context.Context, in *struct {
			Key string `path:"key" format:"uuid" doc:"The idempotency key of the change."`
		}) (*api.Out[Outcome], error) {
			return api.Read(s.outcome(ctx, in.Key))
		})
}

type entryInput struct {
	Key string `path:"key" maxLength:"64" doc:"The entry's key: the idempotency key of the change, or of a refused one with -refused behind."`
}

// entry finds an entry for whoever may read it.
func (s *Server) entry(ctx context.Context, key string) (audit.Located, error) {
	who := api.PrincipalFrom(ctx)
	if !who.Known() {
		return audit.Located{}, mayReadRecord(ctx, "")
	}
	at, err := s.Record.Show(ctx, key)
	if fault.HasCode(err, "not_sequenced") { // it was recorded a moment ago
		if err := s.Record.Settle(ctx); err != nil {
			return at, err
		}
		at, err = s.Record.Show(ctx, key)
	}
	if err != nil {
		return at, err
	}
	if err := mayReadRecord(ctx, at.Leaf.Target.Region); err != nil && at.Leaf.Actor.ID != who.ID {
		return audit.Located{}, err
	}
	return at, nil
}

func (s *Server) prove(ctx context.Context, key string) (EntryProof, error) {
	if _, err := s.entry(ctx, key); err != nil {
		return EntryProof{}, err
	}
	p, err := s.Record.Prove(ctx, key)
	if err != nil {
		return EntryProof{}, err
	}
	var file bytes.Buffer
	err = p.Write(&file)
	return EntryProof{Index: p.Index, Size: p.Checkpoint.Tree.N, Checkpoint: string(p.Checkpoint.Note), Key: p.Key, File: file.String()}, err
}

func (s *Server) consistency(ctx context.Context, from, to int64) (Consistency, error) {
	if err := mayKeep(ctx); err != nil {
		return Consistency{}, err
	}
	hashes, c, err := s.Record.Consistency(ctx, from, to)
	if to == 0 {
		to = c.Tree.N
	}
	out := Consistency{From: from, To: to, Hashes: []string{}, Checkpoint: string(c.Note)}
	for _, h := range hashes {
		out.Hashes = append(out.Hashes, h.String())
	}
	return out, err
}

// outcome tells the one who made a change, and whoever may read the record, what
// became of it.
func (s *Server) outcome(ctx context.Context, key string) (Outcome, error) {
	who := api.PrincipalFrom(ctx)
	if !who.Known() {
		return Outcome{}, mayReadRecord(ctx, "")
	}
	leaf, revision, err := s.leaf(ctx, key)
	if err != nil {
		return Outcome{}, err
	}
	if revision == 0 {
		return Outcome{Key: key, Says: "no change with this key has been applied so far; send it again with the same key to settle it"}, nil
	}
	if leaf.Actor.ID != who.ID && mayReadRecord(ctx, "") != nil {
		return Outcome{}, fault.New(fault.Forbidden, "not_yours", "the change %s was made by somebody else", key).Do("ask an auditor")
	}
	if leaf.Result == audit.Proposed {
		return s.proposedOutcome(ctx, leaf, revision), nil
	}
	return Outcome{Key: key, Applied: true, Revision: revision, Says: "applied: " + string(leaf.Action) + " on " + leaf.Target.String()}, nil
}

// leaf finds the leaf of an applied change: in the store, or, once it has left
// it, among the sealed entries. Revision 0: there is none.
func (s *Server) leaf(ctx context.Context, key string) (audit.Leaf, int64, error) {
	rec, err := audit.Find(s.store.View(ctx), key)
	if err != nil || rec.Exists() {
		return rec.Value, rec.Created, err
	}
	if age, ok := audit.Age(key, s.cfg.Now()); !ok || age < gate.KeyLife {
		return audit.Leaf{}, 0, nil
	}
	at, err := s.Record.Show(ctx, key)
	if fault.Is(err, fault.NotFound) || fault.HasCode(err, "no_checkpoint") {
		return audit.Leaf{}, 0, nil
	}
	return at.Leaf, at.Record.Revision, err
}

// proposedOutcome is what has become of a change that was made to wait.
func (s *Server) proposedOutcome(ctx context.Context, leaf audit.Leaf, revision int64) Outcome {
	out := Outcome{Key: leaf.ID, Revision: revision, Says: "proposed: " + string(leaf.Action) + " on " + leaf.Target.String()}
	v, err := s.gate.Look(ctx, leaf.ID)
	if err != nil { // closed long ago: the record says how
		out.Says += "; what has become of it stands in the record, under the same change"
		return out
	}
	out.Applied = v.State == gate.Applied
	out.Says = string(v.State) + ": " + string(leaf.Action) + " on " + leaf.Target.String()
	return out
}
