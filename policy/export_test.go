package policy

// Preparing is how many stacks of bundles are ready, or are being made so.
func (r *Records) Preparing() int {
	r.engines.mu.Lock()
	defer r.engines.mu.Unlock()
	return len(r.engines.ready)
}
