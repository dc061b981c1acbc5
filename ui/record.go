package ui

import (
	"time"

	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/identity"
)

// Record reviews what was done.
type Record struct {
	Frame
	Rows    []RecordRow
	Filter  RecordFilter
	Places  []RegionHead
	Actions []identity.Action
	Next    int64  // where the following page begins, 0 if there is none
	Older   string // its address
	All     bool   // the reader may read the whole record
	Key     audit.Key
	Size    int64 // entries that the newest checkpoint vouches for
	Note    string
}

func (Record) name() string { return "record" }

// RecordFilter is what to look for, as it was entered.
type RecordFilter struct {
	Who, Action, Region, Result, From, To string
}

// A RecordRow is one entry.
type RecordRow struct {
	Path    string
	Title   string
	By      string
	At      time.Time
	Reason  string
	Refused bool
	Result  audit.Result
}

// Entry is one entry of the record, with its proof.
type Entry struct {
	Frame
	What       string
	Index      int64
	Revision   int64
	Leaf       audit.Leaf
	Data       []DataPart
	Checkpoint string // a signed note
	Size       int64
	VerifyKey  string
	ProofPath  string // of the file
	Prepared   bool   // there is a proof
}

func (Entry) name() string { return "entry" }
