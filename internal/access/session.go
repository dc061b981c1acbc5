package access

import (
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// How long a sign-in lasts. Both limits are checked at each request; the lease of
// the record only collects it.
const (
	SessionLife = 12 * time.Hour   // at most, however busy
	IdleLimit   = 30 * time.Minute // of a browser without a request
	touchEach   = time.Minute      // how often the time of the last request is written
)

// A Channel is what a session is used through.
type Channel string

// The two channels. A session of the command line has no idle limit: a person
// types at long intervals, and its token lies in a file of its owner.
const (
	Browser     Channel = "browser"
	CommandLine Channel = "command_line"
)

// A Session is a person's sign-in as it is stored, under the hash of its secret.
// What the person may do is not in it: that is found out at each request.
type Session struct {
	Person     string    `json:"person"`
	Channel    Channel   `json:"channel"`
	TokenID    string    `json:"token_id,omitempty"` // of a token qrt_…; command line only
	AuthTime   time.Time `json:"auth_time"`          // when the person proved who it is
	Methods    []string  `json:"methods,omitempty"`  // and how, as the provider says
	Created    time.Time `json:"created"`
	Seen       time.Time `json:"seen"` // of the last request, to the minute
	Expires    time.Time `json:"expires"`
	Generation int64     `json:"generation"` // of the person's sessions; see Visit
}

// accepted tells whether the session still counts at that time, if its last
// request was at seen. It is pure.
func (s Session) accepted(seen, now time.Time) error {
	switch {
	case !now.Before(s.Expires):
		return fault.New(fault.Unauthenticated, "session_expired", "you signed in more than %d hours ago", SessionLife/time.Hour).Do("sign in again")
	case s.Channel == Browser && now.Sub(seen) >= IdleLimit:
		return fault.New(fault.Unauthenticated, "session_idle", "you were away for %d minutes", IdleLimit/time.Minute).Do("sign in again")
	}
	return nil
}

func signedOut() error {
	return fault.New(fault.Unauthenticated, "signed_out", "you are signed out").Do("sign in again")
}
