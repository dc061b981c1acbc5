package ui

import (
	"github.com/quorate/quorate/flags"
)

// Board is the matrix of capabilities and regions, or one region's column of it.
type Board struct {
	Frame
	Regions []RegionHead // the columns, in order
	Rows    []BoardLine
	Filter  BoardFilter
	Total   int      // capabilities there are, shown or not
	Legend  []Legend // of what is shown
	Options BoardOptions
}

func (Board) name() string { return "board" }

// RegionHead is a column of the board.
type RegionHead struct{ Key, Name string }

// A BoardLine is one capability in the regions shown.
type BoardLine struct {
	Key, Name string
	About     string // kind, risk and stage in words
	Cells     []Mark
}

// BoardFilter is what the reader wants to see; empty is everything.
type BoardFilter struct{ Region, Kind, Risk, Stage, Impact, State string }

// BoardOptions are what can be chosen for a filter.
type BoardOptions struct {
	Kinds, Risks, Stages []string
	Impacts, States      []Choice
}

// A Choice is a value of a form and what it is called.
type Choice struct{ Value, Label string }

// A Mark is a state in a word or two, with a shape of its own: it can be told
// apart without colours.
type Mark struct{ Shape, Word string }

// A Legend says what a shape stands for.
type Legend struct{ Shape, Says string }

// legend holds every shape, in the order in which it is explained.
var legend = []Legend{
	{"on", "On"}, {"part", "On for some: an audience, a rollout or a pilot"}, {"soon", "Enabled, and for nobody yet"},
	{"later", "The region answers later"}, {"no", "Declined"}, {"ask", "Offered, and not answered yet"},
	{"off", "Turned off for safety"}, {"wait", "Waits for another capability or a system"},
	{"law", "Blocked by regulation"}, {"none", "Not offered"},
}

// shapeOf is the shape of a cell.
func shapeOf(c flags.BoardCell) string {
	switch {
	case c.On && (c.Partly || c.Pilot > 0):
		return "part"
	case c.On:
		return "on"
	}
	switch c.Cause {
	case flags.NoOffer:
		return "none"
	case flags.WasTurnedOff:
		return "off"
	case flags.Prerequisite, flags.NotReady:
		return "wait"
	case flags.NotInRollout, flags.NotInAudience:
		return "soon"
	case flags.NotEnabled:
		switch c.Answer {
		case flags.Later:
			return "later"
		case flags.Decline:
			return "no"
		case flags.Enable:
			return "soon"
		}
		return "ask"
	}
	return "law"
}

func markOf(c flags.BoardCell) Mark {
	shape := shapeOf(c)
	if shape == "law" {
		return Mark{shape, "blocked"}
	}
	return Mark{shape, c.Word()}
}

// impacts are the five ways in which a portal matters, by the name of their filter.
var impacts = []Choice{
	{"access", "Ease of access"}, {"transparency", "Transparency"}, {"interaction", "Patient and physician"},
	{"connection", "Connection with members"}, {"efficiency", "Efficiency"},
}

// impactOf is one of the five scores.
func impactOf(i flags.Impact, name string) int {
	return map[string]int{"access": i.Access, "transparency": i.Transparency, "interaction": i.Interaction,
		"connection": i.Connection, "efficiency": i.Efficiency}[name]
}

// wants reports whether a capability passes the filter, its states aside.
func (f BoardFilter) wants(c flags.Capability) bool {
	return (f.Kind == "" || f.Kind == c.Kind) && (f.Risk == "" || f.Risk == c.Risk) && (f.Stage == "" || f.Stage == string(c.Stage)) &&
		(f.Impact == "" || impactOf(c.Impact, f.Impact) > 0)
}

// boardPage arranges what the snapshot says.
func boardPage(b flags.Board, catalog []flags.Capability, regions []flags.Region, f BoardFilter) *Board {
	p := &Board{Frame: Frame{Title: "Board", Area: "board", Wide: true}, Filter: f, Total: len(b.Rows), Options: boardOptions()}
	columns := make([]int, 0, len(regions))
	for i, r := range regions {
		if f.Region == "" || f.Region == r.Key {
			columns = append(columns, i)
			p.Regions = append(p.Regions, RegionHead{r.Key, r.Name})
		}
	}
	shown := map[string]bool{}
	for i, row := range b.Rows {
		c := catalog[i]
		line := BoardLine{Key: row.Capability, Name: row.Name, About: aboutCapability(c)}
		wanted := f.State == ""
		for _, at := range columns {
			m := markOf(row.Cells[at])
			wanted = wanted || m.Shape == f.State
			line.Cells = append(line.Cells, m)
		}
		if !wanted || !f.wants(c) {
			continue
		}
		for _, m := range line.Cells {
			shown[m.Shape] = true
		}
		p.Rows = append(p.Rows, line)
	}
	for _, l := range legend {
		if shown[l.Shape] {
			p.Legend = append(p.Legend, l)
		}
	}
	return p
}

func aboutCapability(c flags.Capability) string {
	return c.Kind + ", " + c.Risk + " risk, " + stageName(c.Stage)
}

func boardOptions() BoardOptions {
	o := BoardOptions{Kinds: flags.CapabilityKinds, Risks: flags.Risks, Impacts: impacts}
	for _, s := range flags.Stages {
		o.Stages = append(o.Stages, string(s))
	}
	for _, l := range legend {
		o.States = append(o.States, Choice{l.Shape, l.Says})
	}
	return o
}

// stageName is a stage as people say it.
func stageName(s flags.Stage) string {
	if s == flags.InBuild {
		return "in build"
	}
	return string(s)
}
