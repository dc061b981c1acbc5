package ui

import (
	"context"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/identity"
)

// A Task is something that waits for the reader.
type Task struct {
	Group  string // under which heading it stands, see taskGroups
	Title  string
	Path   string // where it is done
	Says   string
	Due    time.Time // zero: no time
	Urgent bool
}

// A TaskGroup is the tasks of one kind.
type TaskGroup struct {
	Title string
	Tasks []Task
	More  int    // that are not shown
	All   string // where all are, "" if nowhere
}

// taskGroups are the headings, in the order of what cannot wait.
var taskGroups = []string{"Off by regulation", "To vote on", "To sign off", "Your changes", "To answer", "Evidence", "For counsel"}

// maxTasks is how many tasks one group shows.
const maxTasks = 6

// A taskSource finds what waits for somebody. It is asked for one page, so it looks
// at the snapshot and at short lists alone.
type taskSource func(u *UI, ctx context.Context, snap *flags.Snapshot, who identity.Principal) ([]Task, error)

// taskSources are all of them. One that fails fails the page: what waits for somebody
// and is not shown is worse than a page that says it cannot tell.
var taskSources = []taskSource{(*UI).signTasks, (*UI).ownChangeTasks, (*UI).regionTasks, (*UI).evidenceTasks}

func (u *UI) inbox(ctx context.Context, snap *flags.Snapshot, who identity.Principal) ([]TaskGroup, error) {
	byGroup := map[string][]Task{}
	for _, source := range taskSources {
		found, err := source(u, ctx, snap, who)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			byGroup[t.Group] = append(byGroup[t.Group], t)
		}
	}
	var groups []TaskGroup
	for _, name := range taskGroups {
		list := byGroup[name]
		if len(list) == 0 {
			continue
		}
		shown := list[:min(len(list), maxTasks)]
		groups = append(groups, TaskGroup{Title: name, Tasks: shown, More: len(list) - len(shown), All: allOf(name, who)})
	}
	return groups, nil
}

// allOf is the page on which all tasks of a kind are.
func allOf(group string, who identity.Principal) string {
	region := ""
	for _, g := range who.Grants {
		if g.Role == identity.RegionalLead && len(g.Regions) == 1 {
			region = "&region=" + g.Regions[0]
		}
	}
	return map[string]string{"Off by regulation": "/board?state=law" + region, "To sign off": "/changes?whose=forme", "Your changes": "/changes?whose=mine",
		"To answer": "/board?state=ask" + region, "Evidence": "/policy/evidence", "For counsel": "/policy/questions"}[group]
}

// A News is something that was done since the reader was last here.
type News struct {
	At     time.Time
	By     string
	What   string
	Reason string
	Path   string
	Failed bool
}

func newsOf(snap *flags.Snapshot, e audit.Entry) News {
	return News{At: e.At, By: e.Actor.Name, What: aboutTarget(snap, e.Action, e.Target), Reason: e.Reason, Path: entryPath(e.Leaf), Failed: e.Result == audit.Refused}
}
