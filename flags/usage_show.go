package flags

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// UsageView is what was counted of one capability in one region in one month.
type UsageView struct {
	Region     string `json:"region"`
	Capability string `json:"capability"`
	Month      string `json:"month" doc:"Of UTC, 2027-03."`
	// Evaluations are how often each value was served, also of the settings.
	Evaluations []EvaluationCount `json:"evaluations" nullable:"false"`
	// Tracked is how often it was used, by event.
	Tracked []TrackedUse `json:"tracked" nullable:"false"`
	// Facts are those declared facts that services sent within this hour and the
	// one before.
	Facts []ServiceFacts `json:"facts,omitempty" nullable:"false"`
	// Incomplete says that some records could not be read.
	Incomplete bool `json:"incomplete,omitempty"`
}

// EvaluationCount is how often a variant of a flag was served, and why.
type EvaluationCount struct {
	Flag    string `json:"flag"`
	Variant string `json:"variant"`
	Reason  string `json:"reason"`
	Count   uint64 `json:"count"`
}

// TrackedUse is how often an event was tracked. Counts below LeastCell are
// withheld, and as many others as it takes for them not to be had by subtraction:
// what is not listed is small, or covers for something small.
type TrackedUse struct {
	Event      string        `json:"event"`
	Total      *TrackedCount `json:"total,omitempty" doc:"Of the region; left out if it is withheld."`
	Facilities []TrackedCell `json:"facilities" nullable:"false"`
	Groups     []TrackedCell `json:"groups" nullable:"false"`
	Cells      []TrackedCell `json:"cells" nullable:"false" doc:"By facility and group."`
	Withheld   bool          `json:"withheld" doc:"Whether anything is left out, so that what is listed may not add up."`
}

// TrackedCount is a count beside the members of whom it is.
type TrackedCount struct {
	Count       uint64   `json:"count"`
	Members     int64    `json:"members,omitempty" doc:"As the region entered them."`
	PerThousand *float64 `json:"per_thousand,omitempty" doc:"Uses per 1,000 members."`
}

// TrackedCell is the count of a facility, a group, or both.
type TrackedCell struct {
	Facility string `json:"facility,omitempty"`
	Group    string `json:"group,omitempty"`
	TrackedCount
}

// View shows what was counted in a region: of one capability, or of each of which
// something was.
func (l *Ledger) View(ctx context.Context, s *Snapshot, region, capability, month string) ([]UsageView, error) {
	share, damaged, err := l.sum(ctx, region, month)
	if err != nil {
		return nil, err
	}
	found, err := l.members(ctx, region)
	if err != nil {
		return nil, err
	}
	capabilities := []string{capability}
	if capability == "" {
		capabilities = share.capabilities(s)
	}
	views := make([]UsageView, 0, len(capabilities))
	for _, c := range capabilities {
		views = append(views, UsageView{Region: region, Capability: c, Month: month, Evaluations: share.evaluationsOf(c),
			Tracked: share.trackedOf(c, found), Incomplete: damaged > 0})
	}
	if capability != "" {
		if views[0].Facts, err = l.facts(ctx, region, capability); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// capabilities lists those of which something was counted.
func (s UsageShare) capabilities(snap *Snapshot) []string {
	names := map[string]bool{}
	for flag := range s.Evaluations {
		capability, _, _ := strings.Cut(flag, ".")
		names[capability] = true
	}
	for capability := range s.Tracked {
		names[capability] = true
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(c string) bool {
		_, _, err := snap.Capability(c)
		return err != nil
	})
}

func (s UsageShare) evaluationsOf(capability string) []EvaluationCount {
	list := []EvaluationCount{}
	for flag, rows := range s.Evaluations {
		if of, _, _ := strings.Cut(flag, "."); of != capability {
			continue
		}
		for row, n := range rows {
			reason, variant := reasonAndVariant(row)
			list = append(list, EvaluationCount{Flag: flag, Variant: variant, Reason: string(reason), Count: n})
		}
	}
	slices.SortFunc(list, func(a, b EvaluationCount) int {
		return cmp.Or(cmp.Compare(a.Flag, b.Flag), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

func (s UsageShare) trackedOf(capability string, m members) []TrackedUse {
	list := []TrackedUse{}
	for _, event := range append(slices.Clone(TrackEvents), OtherGroup) {
		if rows := s.Tracked[capability][event]; len(rows) > 0 {
			list = append(list, trackedUse(event, rows, m))
		}
	}
	return list
}

// trackedUse lays the counts of an event out as a table, and tells what may be.
// Facilities and groups in which nothing happened are no part of it: that they
// stand at 0 may be known, and what may be known covers for nothing.
func trackedUse(event string, rows map[string]uint64, m members) TrackedUse {
	cells, inFacility, inGroup := map[[2]string]int64{}, map[string]bool{}, map[string]bool{}
	for row, n := range rows {
		facility, group, ok := strings.Cut(row, " ")
		if !ok {
			facility, group = "", OtherGroup // beyond what is kept apart
		}
		cells[[2]string{facility, group}] += int64(n)
		inFacility[facility], inGroup[group] = true, true
	}
	facilities, groups := slices.Sorted(maps.Keys(inFacility)), slices.Sorted(maps.Keys(inGroup))
	counts := make([][]int64, len(facilities))
	for r, f := range facilities {
		counts[r] = make([]int64, len(groups))
		for c, g := range groups {
			counts[r][c] = cells[[2]string{f, g}]
		}
	}
	return newTable(counts).tell(event, facilities, groups, m)
}

func (t *table) tell(event string, facilities, groups []string, m members) TrackedUse {
	u := TrackedUse{Event: event, Facilities: []TrackedCell{}, Groups: []TrackedCell{}, Cells: []TrackedCell{}}
	rows, columns := len(facilities), len(groups)
	for r := range t.n {
		for c, n := range t.n[r] {
			if t.hidden[r][c] {
				u.Withheld = true
				continue
			}
			var cell TrackedCell
			if r < rows {
				cell.Facility = facilities[r]
			}
			if c < columns {
				cell.Group = groups[c]
			}
			unnamed := r < rows && cell.Facility == "" // use without a facility is of nobody's members
			cell.TrackedCount = m.count(n, cell.Facility, cell.Group, !unnamed)
			switch {
			case r == rows && c == columns:
				u.Total = &cell.TrackedCount
			case r == rows:
				u.Groups = append(u.Groups, cell)
			case c == columns:
				u.Facilities = append(u.Facilities, cell)
			default:
				u.Cells = append(u.Cells, cell)
			}
		}
	}
	return u
}

func (m members) count(n int64, facility, group string, compare bool) TrackedCount {
	count := TrackedCount{Count: uint64(n)}
	if d, ok := m[[2]string{facility, group}]; ok && compare {
		rate := float64(n*1000*10/d.Members) / 10 // one decimal, cut off
		count.Members, count.PerThousand = d.Members, &rate
	}
	return count
}

// facts is FactShare over all replicas, as far as they have written.
func (l *Ledger) facts(ctx context.Context, region, capability string) ([]ServiceFacts, error) {
	now := l.now()
	by := map[string]*ServiceFacts{}
	for _, period := range []string{hourOf(now), hourOf(now.Add(-time.Hour))} {
		share, _, err := l.sum(ctx, region, period)
		if err != nil {
			return nil, err
		}
		for service, capabilities := range share.Facts {
			for _, c := range []string{capability, ""} {
				l.addFacts(by, service, capabilities[c])
			}
		}
	}
	list := make([]ServiceFacts, 0, len(by))
	for _, s := range by {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b ServiceFacts) int { return cmp.Compare(a.Service, b.Service) })
	return list, nil
}

// addFacts adds counts by name. A fact that is declared now and never came is
// there with 0.
func (l *Ledger) addFacts(by map[string]*ServiceFacts, service string, counts map[string]uint64) {
	if len(counts) == 0 {
		return
	}
	s := by[service]
	if s == nil {
		s = &ServiceFacts{Service: service, Present: map[string]uint64{}}
		by[service] = s
		if hour := l.usage.facts.current.Load(); hour != nil {
			for _, name := range hour.names {
				s.Present[name] = 0
			}
		}
	}
	for name, n := range counts {
		switch name {
		case allRequests:
			s.Requests += n
		case otherRow:
			s.Other += n
		default:
			s.Present[name] += n
		}
	}
}
