package flags

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A year of changes that the clock triggers, in four zones, all that the demo has, the days on which
// the clocks change included. Each happens once, at its local time and not a
// second before, and nothing happens in between.
func TestAYearOfScheduledChangesFiresEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC on 1 January 2000
		w := &world{t: t}
		w.region("nca", "America/Los_Angeles")
		w.region("co", "America/Denver")
		w.region("ga", "America/New_York")
		w.region("hi", "Pacific/Honolulu")
		w.offer(Capability{Key: "video_visit"})
		w.offer(Capability{Key: "messaging"})
		w.offer(Capability{Key: "bh_messaging", Prerequisites: []string{"messaging"}})
		w.put("freezes/ga/year_end", Freeze{ID: "year_end", Region: "ga", From: "2000-12-15T00:00", To: "2000-12-28T06:00", Created: Act{At: time.Now()}})
		stages := func(list ...RolloutStage) How { return How{Rollout: &Rollout{Stages: list}} }
		w.enable("nca", "video_visit", stages(
			RolloutStage{"2000-04-02T02:30", 25}, // skipped by the clocks: 03:00
			RolloutStage{"2000-05-01T08:00", 60},
			RolloutStage{"2000-10-29T01:30", 100})) // shown twice: the first
		w.enable("nca", "messaging", How{Schedule: Schedule{From: "2000-02-29T00:00", Until: "2000-10-29T02:00"}})
		w.enable("nca", "bh_messaging", How{})
		w.enable("co", "video_visit", How{Schedule: Schedule{From: "2000-04-02T02:30", Until: "2000-10-29T01:15"}})
		w.enable("ga", "video_visit", How{Schedule: Schedule{From: "2000-04-02T02:15", Until: "2000-10-29T01:45"}})
		w.enable("ga", "messaging", How{Schedule: Schedule{From: "2000-12-20T08:00"}}) // frozen then
		w.enable("hi", "video_visit", How{Schedule: Schedule{From: "2000-04-02T02:30", Until: "2000-12-31T12:00"}})

		want := []string{
			"nca 2000-02-29T00:00 PST: bh_messaging prerequisite→on, messaging scheduled→on",
			"ga 2000-04-02T03:00 EDT: video_visit scheduled→on",
			"co 2000-04-02T03:00 MDT: video_visit scheduled→on",
			"nca 2000-04-02T03:00 PDT: video_visit not-in-rollout→some",
			"hi 2000-04-02T02:30 HST: video_visit scheduled→on",
			"nca 2000-05-01T08:00 PDT: video_visit some→more",
			"ga 2000-10-29T01:45 EDT: video_visit on→ended",
			"co 2000-10-29T01:15 MDT: video_visit on→ended",
			"nca 2000-10-29T01:30 PDT: video_visit more→on",
			"nca 2000-10-29T02:00 PST: bh_messaging on→prerequisite, messaging on→ended",
			"ga 2000-12-28T06:00 EST: messaging scheduled→on",
			"hi 2000-12-31T12:00 HST: video_visit on→ended",
		}
		var got []string
		for {
			next, ok := w.snap.NextBoundary(time.Now())
			if !ok {
				break
			}
			for time.Until(next) > 25*time.Hour { // nothing happens in between
				before, stage := w.shown(time.Now()), w.stages(time.Now())
				time.Sleep(11 * time.Hour)
				if now := w.shown(time.Now()); !slices.Equal(before, now) || !slices.Equal(stage, w.stages(time.Now())) {
					t.Fatalf("something changed before %s:\n%v\n%v", next, before, now)
				}
			}
			time.Sleep(time.Until(next) - time.Second)
			before, stage := w.shown(time.Now()), w.stages(time.Now())
			time.Sleep(time.Second)
			got = append(got, w.fired(before, w.shown(time.Now()), stage, w.stages(time.Now()))...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("fired:\n%s\nwant:\n%s", lines(got), lines(want))
		}
	})
}

var yearRegions = []string{"co", "ga", "hi", "nca"}

// shown is what is served in each region, in a word per capability.
func (w *world) shown(at time.Time) (words []string) {
	for _, region := range yearRegions {
		for _, capability := range []string{"bh_messaging", "messaging", "video_visit"} {
			in, last := 0, ""
			for person := range 120 {
				v := w.variant(region, capability, map[string]any{"targetingKey": fmt.Sprint(person)}, at)
				if v == string(On) {
					in++
				}
				last = v
			}
			switch {
			case in == 120 || in == 0:
				words = append(words, last)
			case in < 50:
				words = append(words, "some")
			default:
				words = append(words, "more")
			}
		}
	}
	return words
}

func (w *world) stages(at time.Time) (list []int) {
	for _, region := range yearRegions {
		list = append(list, w.snap.TimeStage(region, at))
	}
	return list
}

// fired tells what changed, region by region, and fails if a region's time stage
// did not move by exactly one where something did, or moved where nothing did.
func (w *world) fired(before, after []string, stageBefore, stageAfter []int) (list []string) {
	for i, region := range yearRegions {
		changes := ""
		for j, capability := range []string{"bh_messaging", "messaging", "video_visit"} {
			if from, to := before[3*i+j], after[3*i+j]; from != to {
				changes += fmt.Sprintf(", %s %s→%s", capability, from, to)
			}
		}
		moved := stageAfter[i] - stageBefore[i]
		if (changes != "") != (moved == 1) || moved > 1 {
			w.t.Errorf("%s at %s: the time stage moved by %d for %q", region, time.Now().UTC(), moved, changes)
		}
		if changes != "" {
			list = append(list, fmt.Sprintf("%s %s: %s", region, time.Now().In(w.snap.regions[region].zone).Format("2006-01-02T15:04 MST"), changes[2:]))
		}
	}
	return list
}

func lines(list []string) (all string) {
	for _, l := range list {
		all += l + "\n"
	}
	return all
}
