package flagd

//lint:file-ignore SA1019 older providers name their set in the body and ask for GetMetadata; both are served

import (
	"context"

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
// the region. There are no partial updates: what is missing from a set is
// deleted by those who receive it.
func (s syncV1) SyncFlags(ctx context.Context, req *connect.Request[syncv1.SyncFlagsRequest], stream *connect.ServerStream[syncv1.SyncFlagsResponse]) error {
	c, selector := callerFrom(ctx), req.Msg.GetSelector()
	regions := func() ([]string, error) {
		region, err := s.h.regionFor(c, req.Header(), selector)
		return []string{region}, err
	}
	return s.h.follow(ctx, regions, follower{
		changed: func(_, to []*view) error {
			return s.sendDocument(ctx, stream, to[0])
		},
		idle:   func() error { return nil }, // the protocol has no sign of life; the connection has
		ending: func() {},
	})
}

func (s syncV1) sendDocument(ctx context.Context, stream *connect.ServerStream[syncv1.SyncFlagsResponse], v *view) error {
	select {
	case s.h.sendingDocuments <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.h.sendingDocuments }()
	return s.h.sending(ctx, func() error {
		return stream.Send(&syncv1.SyncFlagsResponse{FlagConfiguration: v.document(), SyncContext: s.h.syncContext})
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
	return connect.NewResponse(&syncv1.FetchAllFlagsResponse{FlagConfiguration: v.document()}), nil
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
