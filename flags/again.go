package flags

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// Verbs is how each change of this slice is asked for again, from the request that
// the verb itself had made of it.
func (s *Service) Verbs() map[identity.Action]gate.Verb {
	return map[identity.Action]gate.Verb{
		identity.SetRegion: again(func(ctx context.Context, o gate.Origin, _ identity.Target, r Region) (gate.Receipt, error) {
			return s.SetRegion(ctx, o, r)
		}),
		identity.SetFacility: again(func(ctx context.Context, o gate.Origin, _ identity.Target, f Facility) (gate.Receipt, error) {
			return s.SetFacility(ctx, o, f)
		}),
		identity.SetCapability: again(func(ctx context.Context, o gate.Origin, _ identity.Target, c Capability) (gate.Receipt, error) {
			return s.SetCapability(ctx, o, c)
		}),
		identity.GrantOffer: again(func(ctx context.Context, o gate.Origin, t identity.Target, r grantRequest) (gate.Receipt, error) {
			return s.GrantOfferUnder(ctx, r.origin(o), t.ID, r.Kind, r.Terms)
		}),
		identity.WithdrawOffer: again(func(ctx context.Context, o gate.Origin, t identity.Target, r grantRequest) (gate.Receipt, error) {
			return s.WithdrawOffer(ctx, r.origin(o), t.ID)
		}),
		identity.Answer: again(func(ctx context.Context, o gate.Origin, t identity.Target, r answerRequest) (gate.Receipt, error) {
			return s.AnswerOffer(ctx, r.origin(o), t.Region, t.ID, r.Reply)
		}),
		identity.AcceptBaseline: again(func(ctx context.Context, o gate.Origin, t identity.Target, r markedRequest) (gate.Receipt, error) {
			return s.AcceptBaseline(ctx, r.origin(o), t.Region, t.ID)
		}),
		identity.SetBaseline: again(func(ctx context.Context, o gate.Origin, t identity.Target, r baselineRequest) (gate.Receipt, error) {
			return s.SetBaseline(ctx, r.origin(o), t.ID, r.How)
		}),
		identity.SetFreeze: again(func(ctx context.Context, o gate.Origin, t identity.Target, r freezeRequest) (gate.Receipt, error) {
			return s.SetFreeze(ctx, r.origin(o), Freeze{ID: t.ID, Region: t.Region, From: r.From, To: r.To})
		}),
		identity.EndFreeze: again(func(ctx context.Context, o gate.Origin, t identity.Target, r markedRequest) (gate.Receipt, error) {
			return s.EndFreeze(ctx, r.origin(o), t.Region, t.ID)
		}),
	}
}

// reasoned is the part of a request that says why. The revision it was made for is
// left: it is made for what stands now.
type reasoned struct {
	Reason     string `json:"reason"`
	IfRevision int64  `json:"if_revision"`
}

func (r reasoned) origin(o gate.Origin) gate.Origin {
	o.Reason = r.Reason
	return o
}

type grantRequest struct {
	reasoned
	Capability string    `json:"capability"`
	Kind       OfferKind `json:"kind"`
	Terms      Terms     `json:"terms"`
	Withdraw   bool      `json:"withdraw"`
}

type answerRequest struct {
	reasoned
	Reply Reply `json:"reply"`
}

type baselineRequest struct {
	reasoned
	How How `json:"how"`
}

type freezeRequest struct {
	reasoned
	From string `json:"from"`
	To   string `json:"to"`
}

type markedRequest struct {
	reasoned
	AcceptBaseline bool `json:"accept_baseline"`
	End            bool `json:"end"`
}

// again decodes a request and takes no field that it does not know: what somebody
// believes to have asked for must not be lost.
func again[T any](do func(context.Context, gate.Origin, identity.Target, T) (gate.Receipt, error)) gate.Verb {
	return func(ctx context.Context, o gate.Origin, t identity.Target, raw json.RawMessage) (gate.Receipt, error) {
		var request T
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&request); err != nil {
			return gate.Receipt{}, fault.New(fault.Invalid, "bad_request", "the request is not of the shape of the one it replaces: %v", err).
				Do("take the request that `quorate change show --output json` prints, and change it").At("/request")
		}
		return do(ctx, o, t, request)
	}
}
