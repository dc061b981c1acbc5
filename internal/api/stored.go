package api

import (
	"context"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/kv"
)

// Stored is a record as it is answered: with the revision to send back as
// if_revision when it is changed.
type Stored[T any] struct {
	Revision int64 `json:"revision" doc:"Revision of the store at which this was last written."`
	Value    T     `json:"value"`
}

// StoredOf is a record, to be answered.
func StoredOf[T any](rec kv.Record[T]) Stored[T] {
	return Stored[T]{Revision: rec.Revision, Value: rec.Value}
}

// StoredAll is a list of records, to be answered; never null.
func StoredAll[T any](recs []kv.Record[T]) []Stored[T] {
	list := make([]Stored[T], 0, len(recs))
	for _, r := range recs {
		list = append(list, StoredOf(r))
	}
	return list
}

// Changing is the part that every body of a change has.
type Changing struct {
	Reason     string `json:"reason,omitempty" doc:"Why; kept in the record."`
	IfRevision int64  `json:"if_revision,omitempty" minimum:"0" doc:"Refuse if the record is no longer at this revision; 0: any."`
}

// Origin is what a verb needs to know of the request.
func (c Changing) Origin(ctx context.Context, k Keyed) gate.Origin {
	return k.Origin(ctx, c.Reason, c.IfRevision)
}
