package ui

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

func (u *UI) recordRoutes(r chi.Router) {
	r.Get("/record", u.page(u.record))
	r.Get("/record/{key}", u.page(u.entry))
	r.Get("/record/{key}/proof", u.page(u.proof))
}

// entriesPerPage is how many entries of the record one page shows.
const entriesPerPage = 50

func mayRead(who identity.Principal, region string) error {
	return identity.Can(who, identity.ReadRecord, identity.Target{Kind: "record", Region: region})
}

// entryPath is where an entry is shown.
func entryPath(l audit.Leaf) string {
	key := l.ID
	if l.Result == audit.Refused {
		key += "-refused"
	}
	return "/record/" + key
}

// record reviews the record: all of it, or that of one region for whoever reads no
// more.
func (u *UI) record(w http.ResponseWriter, r *http.Request) error {
	snap, err := u.snapshot(r, identity.Target{Kind: "record"})
	if err != nil {
		return err
	}
	who, q := api.PrincipalFrom(r.Context()), r.URL.Query()
	f := RecordFilter{Who: strings.TrimSpace(q.Get("who")), Action: q.Get("action"), Region: q.Get("region"), Result: q.Get("result"), From: q.Get("from"), To: q.Get("to")}
	all := mayRead(who, "") == nil
	if !all && f.Region == "" {
		if f.Region = recordRegion(snap, who); f.Region == "" {
			return mayRead(who, "")
		}
	}
	if err := mayRead(who, f.Region); err != nil {
		return err
	}
	ask, err := f.query(numberOf(q.Get("before")))
	if err != nil {
		return err
	}
	found, err := u.Record.Review(r.Context(), ask)
	if err != nil {
		return err
	}
	page := &Record{Frame: Frame{Title: "Record", Area: "record"}, Filter: f, Places: regionHeads(snap), Actions: identity.Actions, Next: found.Next, All: all}
	for _, e := range found.Entries {
		page.Rows = append(page.Rows, RecordRow{Path: entryPath(e.Leaf), Title: aboutTarget(snap, e.Action, e.Target), By: e.Actor.Name, At: e.At,
			Reason: e.Reason, Refused: e.Result == audit.Refused, Result: e.Result})
	}
	if found.Next > 0 {
		page.Older = f.path(found.Next)
	}
	u.vouch(r, page)
	return u.write(w, r, page)
}

// vouch adds the checkpoint and the key, as far as they are there: a record that has
// just begun has no checkpoint yet.
func (u *UI) vouch(r *http.Request, page *Record) {
	if !page.All {
		return
	}
	if key, err := u.Record.PublicKey(r.Context()); err == nil {
		page.Key = key
	}
	if c, _, err := u.Record.Checkpoint(r.Context()); err == nil {
		page.Size, page.Note = c.Tree.N, string(c.Note)
	}
}

func (f RecordFilter) query(before int64) (audit.Query, error) {
	q := audit.Query{Who: f.Who, Action: identity.Action(f.Action), Region: f.Region, Result: audit.Result(f.Result), Before: max(before, 0), Limit: entriesPerPage}
	for _, at := range []struct {
		text string
		into *time.Time
		days int
	}{{f.From, &q.From, 0}, {f.To, &q.To, 1}} {
		if at.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, at.text)
		if err != nil {
			return q, fault.New(fault.Invalid, "bad_day", "%.20q is no day", at.text).Do("write it as 2027-01-01")
		}
		*at.into = t.AddDate(0, 0, at.days)
	}
	return q, nil
}

func (f RecordFilter) path(before int64) string {
	q := url.Values{"before": {strconv.FormatInt(before, 10)}}
	for name, value := range map[string]string{"who": f.Who, "action": f.Action, "region": f.Region, "result": f.Result, "from": f.From, "to": f.To} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/record?" + q.Encode()
}

// located finds an entry for whoever may read it: its author, and who reads the
// record of its region.
func (u *UI) located(r *http.Request) (audit.Located, error) {
	who, key := api.PrincipalFrom(r.Context()), chi.URLParam(r, "key")
	if !who.Known() {
		return audit.Located{}, mayRead(who, "")
	}
	at, err := u.Record.Show(r.Context(), key)
	if fault.HasCode(err, "not_sequenced") { // it was recorded a moment ago
		if err := u.Record.Settle(r.Context()); err != nil {
			return at, err
		}
		at, err = u.Record.Show(r.Context(), key)
	}
	if err != nil {
		return at, err
	}
	if err := mayRead(who, at.Leaf.Target.Region); err != nil && at.Leaf.Actor.ID != who.ID {
		return audit.Located{}, err
	}
	return at, nil
}

func (u *UI) entry(w http.ResponseWriter, r *http.Request) error {
	at, err := u.located(r)
	if err != nil {
		return err
	}
	title := string(at.Leaf.Action)
	if snap := u.Replica.Snapshot(); snap != nil {
		title = aboutTarget(snap, at.Leaf.Action, at.Leaf.Target)
	}
	page := &Entry{Frame: Frame{Title: title, Area: "record"}, What: title, Index: at.Index, Revision: at.Record.Revision, Leaf: at.Leaf}
	for _, e := range at.Leaf.Edits {
		page.Data = append(page.Data, DataPart{Path: e.Path, Before: pretty(e.Before), After: pretty(e.After)})
	}
	if p, err := u.Record.Prove(r.Context(), chi.URLParam(r, "key")); err == nil {
		page.Prepared, page.Checkpoint, page.Size, page.VerifyKey = true, string(p.Checkpoint.Note), p.Checkpoint.Tree.N, p.Key
		page.ProofPath = entryPath(at.Leaf) + "/proof"
	}
	return u.write(w, r, page)
}

// proof is the entry, its proof and the checkpoint as one file.
func (u *UI) proof(w http.ResponseWriter, r *http.Request) error {
	at, err := u.located(r)
	if err != nil {
		return err
	}
	p, err := u.Record.Prove(r.Context(), chi.URLParam(r, "key"))
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="entry-`+strconv.FormatInt(at.Index, 10)+`.proof"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(file.Bytes()) // the browser has gone; nobody is left to be told
	return nil
}
