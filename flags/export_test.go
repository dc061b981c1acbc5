package flags

// Definitions is every definition of a region as it is served.
func Definitions(s *Snapshot, region string) map[string]string {
	all := map[string]string{}
	for _, key := range s.catalog.sorted {
		if f := s.flag(region, key); f != nil {
			all[key] = string(f.Definition())
		}
	}
	return all
}

// Boundaries are the moments at which a region's values may change.
func Boundaries(s *Snapshot, region string) []int64 { return s.regions[region].boundaries }
