package flagd

import "time"

// Hurry makes the handler's streams impatient, for tests. It MUST be called
// before the first request.
func (h *Handler) Hurry(keepAlive, patience time.Duration) {
	h.keepAlive, h.patience = keepAlive, patience
}

// OpenStreams is how many streams are open.
func (h *Handler) OpenStreams() int { return len(h.streams.slots) }
