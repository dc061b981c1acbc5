package ui

import (
	"time"

	"github.com/quorate/quorate/internal/gate"
)

// Changes lists the changes that wait, or have waited.
type Changes struct {
	Frame
	Rows   []ChangeRow
	Filter ChangeFilter
	States []Choice
	Places []RegionHead
	More   bool // there are more than are shown
}

func (Changes) name() string { return "changes" }

// ChangeFilter is which changes to show; empty is all that is open.
type ChangeFilter struct{ State, Region, Whose string }

// A ChangeRow is one change in a list.
type ChangeRow struct {
	ID, Title string
	State     gate.State
	By        string
	At        time.Time
	Needs     []string // that its edition asked for
	Reason    string
}

// Change is a change that waits, or has waited, as it stands.
type Change struct {
	Frame
	What   string
	View   gate.View
	Needs  []NeedRow
	Diff   []DiffPart
	Data   []DataPart
	May    ChangePowers
	Error  *FormError
	Key    string
	Reason string // entered
	Done   string
}

func (Change) name() string { return "change" }

// ChangePowers are what the reader may do about a change.
type ChangePowers struct{ Sign, Decline, Ask, Withdraw, Rebase bool }

// Any reports whether there is anything.
func (p ChangePowers) Any() bool { return p != ChangePowers{} }

// A NeedRow is something that a rule asks for, and whether it is there.
type NeedRow struct {
	What, Why, Rule, Citation string
	Met                       bool
}

// A DiffPart is what would change in one record, in words.
type DiffPart struct {
	Head  string
	Lines []string
}

// A DataPart is one record before and after, as it is stored.
type DataPart struct{ Path, Before, After string }

// Sign asks for a signature under a change.
type Sign struct {
	Frame
	What   string
	View   gate.View
	Diff   []DiffPart
	Error  *FormError
	Key    string
	Reason string
}

func (Sign) name() string { return "sign" }
