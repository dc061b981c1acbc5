package flags

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// maxStages is how many stages a rollout has at most, and maxListed how many
// values a field of an audience names.
const (
	maxStages = 20
	maxListed = 50
)

var (
	language = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,4}$`)
	listed   = regexp.MustCompile(`^[a-z][a-z0-9]*([-_][a-z0-9]+)*$`)
)

// check says what is wrong with a How for a capability, nil if nothing is: its
// variant, its settings, its audience within the attributes that the capability
// may read, its rollout. Times are for checkTimes.
func (h How) check(at string, c Capability) error {
	if _, ok := c.variant(h.Variant); !ok && h.Variant != "" && h.Variant != None {
		return bad(at+"/variant", h.Variant, "%s", c.variantsThere())
	}
	for _, key := range slices.Sorted(maps.Keys(h.Settings)) {
		i := slices.IndexFunc(c.Settings, func(s Setting) bool { return s.Key == key })
		if i < 0 {
			return bad(at+"/settings/"+key, key, "%s", c.settingsThere())
		}
		if err := c.Settings[i].CheckValue(at+"/settings/"+key, h.Settings[key]); err != nil {
			return err
		}
	}
	if err := h.Audience.check(at+"/audience", c); err != nil {
		return err
	}
	return h.Rollout.check(at + "/rollout")
}

func (c Capability) variantsThere() string {
	if len(c.Variants) == 0 {
		return c.Key + " declares no variants, so leave it out"
	}
	var keys []string
	for _, v := range c.Variants {
		keys = append(keys, v.Key)
	}
	return "the variants of " + c.Key + " are " + strings.Join(keys, ", ")
}

func (c Capability) settingsThere() string {
	if len(c.Settings) == 0 {
		return c.Key + " has no settings"
	}
	var keys []string
	for _, s := range c.Settings {
		keys = append(keys, s.Key)
	}
	return "the settings of " + c.Key + " are " + strings.Join(keys, ", ")
}

// The context attributes that the fields of an audience read.
const (
	readsLanguage    = "patient.language"
	readsAge         = "patient.age"
	readsFacility    = "facility"
	readsServiceLine = "service_line"
	readsCohorts     = "patient.cohorts"
	readsDevice      = "device.registered"
)

func (a Audience) check(at string, c Capability) error {
	for _, f := range []struct {
		name, path string
		values     []string
		form       *regexp.Regexp
		remedy     string
	}{
		{"languages", readsLanguage, a.Languages, language, "a language is a tag such as en or es-MX"},
		{"facilities", readsFacility, a.Facilities, facilityKey, "name facilities of the region, as `quorate facility list` does"},
		{"service_lines", readsServiceLine, a.ServiceLines, listed, "a service line has lower-case letters, digits, hyphens and underscores"},
		{"cohorts", readsCohorts, a.Cohorts, listed, "a cohort has lower-case letters, digits, hyphens and underscores"},
	} {
		if err := checkListed(at+"/"+f.name, f.values, f.form, f.remedy); err != nil {
			return err
		}
		if err := c.mayRead(at+"/"+f.name, f.path, len(f.values) > 0); err != nil {
			return err
		}
	}
	if err := c.mayRead(at+"/registered_device", readsDevice, a.RegisteredDevice != nil && *a.RegisteredDevice); err != nil {
		return err
	}
	return a.checkAges(at, c)
}

func checkListed(at string, values []string, form *regexp.Regexp, remedy string) error {
	if len(values) > maxListed {
		return bad(at, fmt.Sprint(len(values)), "at most %d are named", maxListed)
	}
	for _, v := range values {
		if !form.MatchString(v) || len(v) > 64 {
			return bad(at, v, "%s", remedy)
		}
	}
	if repeated, ok := firstRepeated(values); ok {
		return bad(at, repeated, "name each once")
	}
	return nil
}

func (a Audience) checkAges(at string, c Capability) error {
	for _, bound := range []struct {
		name string
		age  *int
	}{{"age_min", a.AgeMin}, {"age_max", a.AgeMax}} {
		if bound.age == nil {
			continue
		}
		if *bound.age < 0 || *bound.age > maxAge {
			return bad(at+"/"+bound.name, fmt.Sprint(*bound.age), "an age is a whole number from 0 to %d", maxAge)
		}
		if err := c.mayRead(at+"/"+bound.name, readsAge, true); err != nil {
			return err
		}
	}
	if a.AgeMin != nil && a.AgeMax != nil && *a.AgeMin > *a.AgeMax {
		return bad(at+"/age_min", fmt.Sprint(*a.AgeMin), "the least age is at most the greatest, which is %d", *a.AgeMax)
	}
	return nil
}

// mayRead is the context contract: an evaluation reads what the capability
// declares, and nothing else.
func (c Capability) mayRead(at, path string, wanted bool) error {
	if !wanted || c.declares(path) {
		return nil
	}
	return fault.New(fault.Invalid, "context_not_declared", "%s: %s does not declare that it reads %s", at, c.Key, path).
		Do("leave it out, or have %s added to the capability's context", path).At(at)
}

func (c Capability) declares(path string) bool { return slices.Contains(c.Context, path) }

func (r *Rollout) check(at string) error {
	switch {
	case r == nil:
		return nil
	case (r.Percent == nil) == (len(r.Stages) == 0):
		return bad(at, "", "a rollout has either a percent or stages")
	case r.Percent != nil:
		return checkPercent(at+"/percent", *r.Percent)
	case len(r.Stages) > maxStages:
		return bad(at+"/stages", fmt.Sprint(len(r.Stages)), "a rollout has at most %d stages", maxStages)
	}
	for i, s := range r.Stages {
		here := fmt.Sprintf("%s/stages/%d", at, i)
		if err := checkPercent(here+"/percent", s.Percent); err != nil {
			return err
		}
		if i > 0 && s.Percent < r.Stages[i-1].Percent {
			return bad(here+"/percent", formatNumber(s.Percent), "a stage has at least the percent of the one before, %s", formatNumber(r.Stages[i-1].Percent))
		}
	}
	return nil
}

func checkPercent(at string, p float64) error {
	if !(p >= 0 && p <= 100) || math.Abs(p*100-math.Round(p*100)) > 1e-9 {
		return bad(at, formatNumber(p), "a percentage is a number from 0 to 100 with up to two decimals")
	}
	return nil
}

// basisPoints is a percentage as a whole number of 10,000.
func basisPoints(p float64) int64 { return int64(math.Round(p * 100)) }

// checkTimes says what is wrong with the times of a How, read in a region's zone:
// stages out of order, an end before the start, a time that has passed. One that
// stood there before may have passed.
func (h How) checkTimes(at string, zone *time.Location, now time.Time, before How) error {
	if err := h.checkStages(at+"/rollout/stages", zone, now, before.Rollout); err != nil {
		return err
	}
	from, err := checkTime(at+"/schedule/from", h.Schedule.From, before.Schedule.From, zone, now)
	if err != nil {
		return err
	}
	until, err := checkTime(at+"/schedule/until", h.Schedule.Until, before.Schedule.Until, zone, now)
	if err != nil {
		return err
	}
	if !from.IsZero() && !until.IsZero() && !until.After(from) {
		return bad(at+"/schedule/until", h.Schedule.Until, "the end comes after the start, %s", h.Schedule.From)
	}
	return nil
}

// checkTime reads a local time that is set; the zero time stands for none.
func checkTime(at, local, before string, zone *time.Location, now time.Time) (time.Time, error) {
	if local == "" || local == None {
		return time.Time{}, nil
	}
	t, err := instant(local, zone)
	if err != nil {
		return t, bad(at, local, "write a local date and time such as 2027-03-01T08:00")
	}
	if !t.After(now) && local != before {
		return t, bad(at, local, "say with a time to come; it is %s in the region (%s)", localTime(now.Unix(), zone), zone)
	}
	return t, nil
}

func (h How) checkStages(at string, zone *time.Location, now time.Time, before *Rollout) error {
	if h.Rollout == nil {
		return nil
	}
	var last time.Time
	for i, s := range h.Rollout.Stages {
		here := fmt.Sprintf("%s/%d/at", at, i)
		stood := ""
		if before != nil && slices.Contains(before.Stages, s) {
			stood = s.At
		}
		if s.At == "" || s.At == None {
			return bad(here, s.At, "write a local date and time such as 2027-03-01T08:00")
		}
		t, err := checkTime(here, s.At, stood, zone, now)
		if err != nil {
			return err
		}
		if i > 0 && !t.After(last) {
			return bad(here, s.At, "stages do not overlap: each begins after the one before, which begins at %s", h.Rollout.Stages[i-1].At)
		}
		last = t
	}
	return nil
}
