package flags

import "github.com/quorate/quorate/flags/eval"

// FlagSet is every flag of a region, ordered by key, as it is given to those who
// evaluate by themselves; nil if there is no such region. The flags are shared
// and immutable, the slice is the caller's.
func (s *Snapshot) FlagSet(region string) []*eval.Flag {
	if !s.HasRegion(region) {
		return nil
	}
	list := make([]*eval.Flag, 0, len(s.catalog.sorted))
	for _, key := range s.catalog.sorted {
		if f := s.flag(region, key); f != nil {
			list = append(list, f)
		}
	}
	return list
}
