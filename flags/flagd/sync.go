package flagd

//lint:file-ignore SA1019 older providers name their set in the body and ask for GetMetadata; both are served

import (
	"context"
	"time"

	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"
)

// syncV1 answers flagd.sync.v1: the definitions of one region, for providers
// that evaluate by themselves, and for a stock flagd as an edge.
type syncV1 struct{ h *Handler }

// maxSending is how many documents are on their way at once. A document is
// copied for each stream that it is sent on, so this bounds the memory of a
// change that ten thousand streams are told of.
const maxSending = 128

// SyncFlags sends the whole set at once, and again in whole after each change of
// the region, and whenever leases are renewed. There are no partial updates: what
// is missing from a set is deleted by those who receive it.
func (s syncV1) SyncFlags(ctx context.Context, req *connect.Request[syncv1.SyncFlagsRequest], stream *connect.ServerStream[syncv1.SyncFlagsResponse]) error {
	c, selector := callerFrom(ctx), req.Msg.GetSelector()
	regions := func() ([]string, error) {
		region, err := s.h.regionFor(c, req.Header(), selector)
		return []string{region}, err
	}
	var sent time.Time // the grant of what was sent last
	return s.h.follow(ctx, regions, follower{
		changed: func(_, to []*view) error {
			sent, _ = s.grant(to[0])
			return s.sendDocument(ctx, stream, to[0], sent)
		},
		turn: func(now []*view) (next time.Duration, err error) {
			granted, next := s.grant(now[0])
			if !granted.Equal(sent) {
				sent, err = granted, s.sendDocument(ctx, stream, now[0], granted)
			}
			return next, err
		},
		idle:   func() error { return nil }, // the protocol has no sign of life; the connection has
		ending: func() {},
	})
}

// grant is up to when the source has spoken for a view; see there.
func (s syncV1) grant(v *view) (time.Time, time.Duration) {
	at := s.h.cfg.Now()
	return v.grant(at, s.h.cfg.Source.Silence(at))
}

func (s syncV1) sendDocument(ctx context.Context, stream *connect.ServerStream[syncv1.SyncFlagsResponse], v *view, granted time.Time) error {
	select {
	case s.h.sendingDocuments <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.h.sendingDocuments }()
	return s.h.sending(ctx, func() error {
		return stream.Send(&syncv1.SyncFlagsResponse{FlagConfiguration: v.document(granted), SyncContext: s.h.syncContext})
	})
}

// FetchAllFlags gives the whole set once.
func (s syncV1) FetchAllFlags(ctx context.Context, req *connect.Request[syncv1.FetchAllFlagsRequest]) (*connect.Response[syncv1.FetchAllFlagsResponse], error) {
	region, err := s.h.regionFor(callerFrom(ctx), req.Header(), req.Msg.GetSelector())
	if err != nil {
		return nil, protocolError(err)
	}
	v, err := s.h.views.of(region)
	if err != nil {
		return nil, protocolError(err)
	}
	granted, _ := s.grant(v)
	return connect.NewResponse(&syncv1.FetchAllFlagsResponse{FlagConfiguration: v.document(granted)}), nil
}

// GetMetadata is what providers older than sync_context ask for instead: what
// the server says of itself, which they add to each evaluation context. Nothing
// else belongs there.
func (s syncV1) GetMetadata(ctx context.Context, _ *connect.Request[syncv1.GetMetadataRequest]) (*connect.Response[syncv1.GetMetadataResponse], error) {
	if _, err := callerFrom(ctx).who(); err != nil {
		return nil, protocolError(err)
	}
	metadata := s.h.syncContext
	if metadata == nil {
		metadata = &structpb.Struct{}
	}
	return connect.NewResponse(&syncv1.GetMetadataResponse{Metadata: metadata}), nil
}
