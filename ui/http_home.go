package ui

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/policy"
)

func (u *UI) home(w http.ResponseWriter, r *http.Request) error {
	p := api.PrincipalFrom(r.Context())
	page := &Home{Frame: Frame{Title: "Welcome", Area: "home"}, CanSignIn: u.Door != nil, Why: whySignedOut(r), Now: u.Now(), SignedIn: p.AuthTime}
	if r.URL.Query().Get("signed-out") != "" && p.Strength != identity.BySignIn {
		page.Why = "You are signed out of Quorate. Your organisation may still remember you, so on a shared device sign out there too."
	}
	if p.Strength != identity.BySignIn {
		return u.write(w, r, page)
	}
	profile, err := u.Access.Profile(r.Context(), p, "me", u.Directory)
	if err != nil {
		return err
	}
	page.Title, page.Profile = "Home", &profile
	snap := u.Replica.Snapshot()
	if snap == nil || identity.Can(p, identity.ReadState, identity.Target{Kind: "board"}) != nil {
		return u.write(w, r, page)
	}
	if page.Waits, err = u.inbox(r.Context(), snap, p); err != nil {
		return err
	}
	page.Reads = true
	page.Last = u.lastVisit(w, r, p)
	if page.News, err = u.news(r.Context(), snap, p, page.Last); err != nil {
		return err
	}
	return u.write(w, r, page)
}

// signTasks are the changes that ask for a sign-off which the reader can give and has
// not given.
func (u *UI) signTasks(ctx context.Context, snap *flags.Snapshot, who identity.Principal) ([]Task, error) {
	list, err := u.Gate.List(ctx, gate.Filter{ForMe: append([]identity.Grant{}, who.Grants...)})
	if err != nil {
		return nil, err
	}
	var tasks []Task
	for _, p := range list {
		if p.Author.ID == who.ID || p.MayLook(who) != nil || identity.Can(who, identity.SignChange, identity.Target{Kind: "change", ID: p.ID}) != nil {
			continue
		}
		t := Task{Group: "To sign off", Title: aboutTarget(snap, p.Action, p.Target), Path: "/changes/" + p.ID, Says: p.Author.Name + ": " + p.Reason, Due: p.Expires}
		if len(tasks) < maxTasks { // beyond these only their number is shown
			v, err := u.Gate.Look(ctx, p.ID)
			if err != nil {
				return nil, err
			}
			if !powersOver(v, who).Sign {
				continue
			}
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// ownChangeTasks are the reader's own changes that wait.
func (u *UI) ownChangeTasks(ctx context.Context, snap *flags.Snapshot, who identity.Principal) ([]Task, error) {
	list, err := u.Gate.List(ctx, gate.Filter{Author: who.ID})
	if err != nil {
		return nil, err
	}
	var tasks []Task
	for _, p := range list {
		t := Task{Group: "Your changes", Title: aboutTarget(snap, p.Action, p.Target), Path: "/changes/" + p.ID, Due: p.Expires}
		if len(tasks) < maxTasks {
			v, err := u.Gate.Look(ctx, p.ID)
			if err != nil {
				return nil, err
			}
			t.Says, t.Urgent = u.waitsFor(v)
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// waitsFor says what a change waits for; urgent if its author must do something.
func (u *UI) waitsFor(v gate.View) (says string, urgent bool) {
	switch {
	case len(v.Moved) > 0:
		return "What it rests on has changed: ask for it again.", true
	case len(v.Void) > 0:
		return "A signature is void: " + v.Void[0].Why, true
	case v.Held != "":
		return v.Held, true
	}
	var needs []string
	for _, n := range v.Missing {
		needs = append(needs, needWords(u.places(), n))
	}
	if len(needs) == 0 {
		return "Waits for its time.", false
	}
	return "Waits. " + strings.Join(needs, "; "), false
}

// regionTasks are, for the regions that the reader leads, the offers without an
// answer, and what is off by regulation although it is enabled.
func (u *UI) regionTasks(_ context.Context, snap *flags.Snapshot, who identity.Principal) ([]Task, error) {
	var tasks []Task
	for _, region := range snap.Regions() {
		if identity.Can(who, identity.Answer, identity.Target{Kind: "enablement", Region: region.Value.Key}) != nil {
			continue
		}
		list, err := snap.Standings(region.Value.Key, u.Now())
		if err != nil {
			return nil, err
		}
		for _, st := range list {
			if t, ok := regionTask(snap, region.Value, st); ok {
				tasks = append(tasks, t)
			}
		}
	}
	return tasks, nil
}

func regionTask(snap *flags.Snapshot, region flags.Region, st flags.Standing) (Task, bool) {
	name := st.Capability
	if c, _, err := snap.Capability(st.Capability); err == nil {
		name = c.Value.Name
	}
	path := "/regions/" + region.Key + "/capabilities/" + st.Capability
	switch shapeOf(st.Cell) {
	case "ask":
		return Task{Group: "To answer", Title: name + " in " + region.Name, Path: path + "/answer", Says: st.Line}, true
	case "law":
		if st.Cell.Answer == flags.Enable {
			return Task{Group: "Off by regulation", Title: name + " in " + region.Name, Path: path, Says: st.Line, Urgent: true}, true
		}
	}
	return Task{}, false
}

// evidenceTasks are proofs that end soon, for whoever can renew them, and the
// questions that only counsel can answer.
func (u *UI) evidenceTasks(ctx context.Context, _ *flags.Snapshot, who identity.Principal) ([]Task, error) {
	may := identity.Permitting(who, identity.AddEvidence)
	if len(may) == 0 {
		return nil, nil
	}
	st, err := u.Policy.Standing(ctx, who)
	if err != nil {
		return nil, err
	}
	var tasks []Task
	for _, l := range st.Lapsing {
		if !concerns(may, l.Scope) {
			continue
		}
		tasks = append(tasks, Task{Group: "Evidence", Title: l.Type, Path: "/policy/evidence#" + l.ID,
			Says: lapseWords(l.Within, l.Expires), Urgent: l.Within <= 7})
	}
	if identity.Can(who, identity.GiveOpinion, identity.Target{Kind: "opinion"}) == nil && len(st.Questions) > 0 {
		tasks = append(tasks, Task{Group: "For counsel", Title: fmt.Sprintf("%d open legal questions", len(st.Questions)), Path: "/policy/questions", Says: "Until they are answered nothing rests on them."})
	}
	return tasks, nil
}

// concerns reports whether a proof of this scope is one that the grants reach: their
// own region's, and for all regions everything.
func concerns(grants []identity.Grant, scope string) bool {
	for _, g := range grants {
		for _, r := range g.Regions {
			if r == identity.Every || r == scope {
				return true
			}
		}
	}
	return false
}

func lapseWords(within int, expires policy.Day) string {
	if within <= 0 {
		return "Ended on " + day(expires) + "; its days of grace run."
	}
	return fmt.Sprintf("Ends on %s, within %d days.", day(expires), within)
}

const (
	visitCookie = "quorate_visit"
	visitGap    = 30 * time.Minute // whoever comes back sooner is still here
	visitLife   = 90 * 24 * time.Hour
	maxNews     = 12
)

// lastVisit is when the reader was here before this visit, zero if this browser does
// not know, and has the browser remember this one. It is kept nowhere else.
func (u *UI) lastVisit(w http.ResponseWriter, r *http.Request, who identity.Principal) time.Time {
	sum := sha256.Sum256([]byte(who.ID))
	mine, now := hex.EncodeToString(sum[:6]), u.Now()
	var before, latest int64
	if c, err := r.Cookie(visitCookie); err == nil {
		if parts := strings.Split(c.Value, "."); len(parts) == 3 && parts[0] == mine {
			before, _ = strconv.ParseInt(parts[1], 10, 64) // a browser that sends nonsense was never here
			latest, _ = strconv.ParseInt(parts[2], 10, 64)
		}
	}
	if latest > 0 && now.Sub(time.Unix(latest, 0)) > visitGap {
		before = latest
	}
	http.SetCookie(w, &http.Cookie{Name: visitCookie, Value: fmt.Sprintf("%s.%d.%d", mine, before, now.Unix()), Path: "/", MaxAge: int(visitLife.Seconds()),
		HttpOnly: true, Secure: u.Cookies.Secure, SameSite: http.SameSiteLaxMode})
	if before <= 0 || time.Unix(before, 0).After(now) {
		return time.Time{}
	}
	return time.Unix(before, 0)
}

// news is what was done since the reader was last here, in what it may read of the
// record; without such a time, what was done last.
func (u *UI) news(ctx context.Context, snap *flags.Snapshot, who identity.Principal, since time.Time) ([]News, error) {
	region := ""
	if identity.Can(who, identity.ReadRecord, identity.Target{Kind: "record"}) != nil {
		if region = recordRegion(snap, who); region == "" {
			return nil, nil
		}
	}
	page, err := u.Record.Review(ctx, audit.Query{Region: region, Result: audit.Applied, From: since, Limit: maxNews})
	if err != nil {
		return nil, err
	}
	var list []News
	for _, e := range page.Entries {
		list = append(list, newsOf(snap, e))
	}
	return list, nil
}

// recordRegion is the first region whose record somebody may read.
func recordRegion(snap *flags.Snapshot, who identity.Principal) string {
	for _, r := range snap.Regions() {
		if identity.Can(who, identity.ReadRecord, identity.Target{Kind: "record", Region: r.Value.Key}) == nil {
			return r.Value.Key
		}
	}
	return ""
}
