package flags

import (
	"maps"
	"strings"
	"time"

	"github.com/quorate/quorate/flags/eval"
)

// A UsageShare is what one replica counted in one region in one period: an hour,
// with the evaluations and the declared facts that came, or a month, with the
// evaluations and the use that was tracked. Periods are those of UTC. It says
// nothing of a person, and nothing of which request came when.
type UsageShare struct {
	Region  string `json:"region"`
	Period  string `json:"period"`  // "2027-03-01T08" or "2027-03"
	Replica string `json:"replica"` // which counted it
	// Evaluations by flag, and then by reason and variant: "TARGETING_MATCH on".
	Evaluations map[string]map[string]uint64 `json:"evaluations,omitempty"`
	// Tracked by capability, then event, then facility and group: "co-1 65+".
	// A facility that was not named is "".
	Tracked map[string]map[string]map[string]uint64 `json:"tracked,omitempty"`
	// Facts by service and capability ("" for all at once), then by the name of
	// the fact. Among them "requests" is all requests and "other" those with
	// anything that is not declared.
	Facts map[string]map[string]map[string]uint64 `json:"facts,omitempty"`
}

// The limits of one share, which keep it well below what the store takes. What
// comes beyond counts as other.
const (
	maxShareFlags    = 5_000
	maxShareCells    = 1_000 // of one flag, event, or service and capability
	maxShareServices = 200   // and capabilities of each
)

const (
	hourLayout  = "2006-01-02T15"
	monthLayout = "2006-01"
	otherRow    = "other"
	allRequests = "requests"
)

func hourOf(t time.Time) string  { return t.UTC().Format(hourLayout) }
func monthOf(t time.Time) string { return t.UTC().Format(monthLayout) }

// expired reports whether a period is older than it is kept.
func expired(period string, now time.Time) bool {
	if t, err := time.Parse(hourLayout, period); err == nil {
		return now.Sub(t) > UsageHours
	}
	t, err := time.Parse(monthLayout, period)
	return err == nil && t.AddDate(0, UsageMonths, 0).Before(now)
}

// How long usage is kept: hours for two weeks, months for three years.
const (
	UsageHours  = 14 * 24 * time.Hour
	UsageMonths = 36
)

func (s *UsageShare) evaluated(u Use, n uint64) {
	flag := u.Capability
	if u.Setting != "" {
		flag += "." + u.Setting
	}
	if s.Evaluations == nil {
		s.Evaluations = map[string]map[string]uint64{}
	}
	if _, ok := s.Evaluations[flag]; !ok && len(s.Evaluations) >= maxShareFlags {
		flag = otherRow
	}
	add(s.Evaluations, flag, string(u.Reason)+" "+u.Variant, n)
}

// reasonAndVariant takes a row of Evaluations apart.
func reasonAndVariant(row string) (eval.Reason, string) {
	reason, variant, _ := strings.Cut(row, " ")
	return eval.Reason(reason), variant
}

func (s *UsageShare) tracked(e TrackEvent, n uint64) {
	if s.Tracked == nil {
		s.Tracked = map[string]map[string]map[string]uint64{}
	}
	if s.Tracked[e.Capability] == nil {
		s.Tracked[e.Capability] = map[string]map[string]uint64{}
	}
	add(s.Tracked[e.Capability], e.Event, e.Facility+" "+e.Group, n)
}

// saw counts requests of a service that came with a fact.
func (s *UsageShare) saw(k factKey, name string, n uint64) {
	if s.Facts == nil {
		s.Facts = map[string]map[string]map[string]uint64{}
	}
	service, capability := k.service, k.capability
	if _, ok := s.Facts[service]; !ok && len(s.Facts) >= maxShareServices {
		service = otherService
	}
	if s.Facts[service] == nil {
		s.Facts[service] = map[string]map[string]uint64{}
	}
	if _, ok := s.Facts[service][capability]; !ok && len(s.Facts[service]) >= maxShareServices {
		capability = otherRow
	}
	add(s.Facts[service], capability, name, n)
}

func add(table map[string]map[string]uint64, row, column string, n uint64) {
	if table[row] == nil {
		table[row] = map[string]uint64{}
	}
	if _, ok := table[row][column]; !ok && len(table[row]) >= maxShareCells {
		column = otherRow
	}
	table[row][column] += n
}

// plus is the sum of two shares, and shares nothing with either.
func (s UsageShare) plus(o UsageShare) UsageShare {
	sum := UsageShare{Region: s.Region, Period: s.Period, Replica: s.Replica}
	sum.Evaluations = plus2(s.Evaluations, o.Evaluations)
	sum.Tracked, sum.Facts = plus3(s.Tracked, o.Tracked), plus3(s.Facts, o.Facts)
	return sum
}

func plus1(a, b map[string]uint64) map[string]uint64 {
	sum := make(map[string]uint64, len(a)+len(b))
	maps.Copy(sum, a)
	for k, n := range b {
		sum[k] += n
	}
	return sum
}

func plus2(a, b map[string]map[string]uint64) map[string]map[string]uint64 {
	if len(a)+len(b) == 0 {
		return nil
	}
	sum := map[string]map[string]uint64{}
	for _, one := range []map[string]map[string]uint64{a, b} {
		for k := range one {
			if sum[k] == nil {
				sum[k] = plus1(a[k], b[k])
			}
		}
	}
	return sum
}

func plus3(a, b map[string]map[string]map[string]uint64) map[string]map[string]map[string]uint64 {
	if len(a)+len(b) == 0 {
		return nil
	}
	sum := map[string]map[string]map[string]uint64{}
	for _, one := range []map[string]map[string]map[string]uint64{a, b} {
		for k := range one {
			if sum[k] == nil {
				sum[k] = plus2(a[k], b[k])
			}
		}
	}
	return sum
}
