package flags

import (
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/fault"
)

// checkPrerequisites walks the prerequisites of a capability that is about to be
// written, through the capabilities as they stand, and refuses one that does not
// exist or that leads back to where it began. lookup returns the prerequisites
// of a capability and whether it exists.
func checkPrerequisites(c Capability, lookup func(key string) (prerequisites []string, exists bool, err error)) error {
	path := []string{c.Key}
	done := map[string]bool{}
	var walk func(of []string) error
	walk = func(of []string) error {
		for _, key := range of {
			if i := slices.Index(path, key); i >= 0 {
				return cycle(append(slices.Clone(path[i:]), key))
			}
			if done[key] {
				continue
			}
			next, exists, err := lookup(key)
			if err != nil {
				return err
			}
			if !exists {
				return fault.New(fault.NotFound, "unknown_capability", "the prerequisite %q is no capability", key).
					Do("list them with `quorate capability list`").At("/prerequisites")
			}
			path = append(path, key)
			if err := walk(next); err != nil {
				return err
			}
			path, done[key] = path[:len(path)-1], true
		}
		return nil
	}
	return walk(c.Prerequisites)
}

func cycle(path []string) error {
	return fault.New(fault.Refused, "prerequisite_cycle", "the prerequisites go in a circle: %s", strings.Join(path, " needs ")).
		Do("leave one of them out").At("/prerequisites")
}
