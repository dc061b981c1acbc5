package kv

// Forget makes a follower lose a record, as a lost watch event would.
func Forget(f *Follower, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.have, path)
}

// Pretend makes a follower hold a record that the store does not have.
func Pretend(f *Follower, path string, revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.have[path] = revision
}

// Advance notes a revision as seen.
func Advance(s *Store, revision int64) { s.seen.advance(revision) }
