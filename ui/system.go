package ui

import (
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/identity"
)

// Health is how this replica and its store are.
type Health struct {
	Ready       bool
	Fresh       bool // the store gives signs of life
	Revision    int64
	LastContact time.Time
	Problem     string
	Version     string
	Bytes       int64 // of the store on disk
	Quota       int64 // at which it refuses writes
	Replica     string
}

// System shows how the server is, and what it is furnished with.
type System struct {
	Frame
	Health    Health
	Regions   []RegionRow
	MayTokens bool
	Now       time.Time
}

func (System) name() string { return "system" }

// A RegionRow is a region with its places of care.
type RegionRow struct {
	flags.Region
	Facilities []flags.Facility
}

// Tokens lists the tokens, with a form to issue one.
type Tokens struct {
	Frame
	Rows     []TokenRow
	MayIssue bool
	Roles    []identity.Role
	Places   []RegionHead
	Entered  TokenForm
	Error    *FormError
	Key      string
	Done     string
}

func (Tokens) name() string { return "tokens" }

// A TokenRow is one token.
type TokenRow struct {
	access.Token
	State   string
	Holds   []string
	LastUse time.Time // zero: never
	Key     string
}

// TokenForm is what was entered.
type TokenForm struct{ Name, Role, Region, Expires, Reason string }

// Issued shows a token, once.
type Issued struct {
	Frame
	Token  access.Token
	Holds  []string
	Bearer string
}

func (Issued) name() string { return "issued" }
