package main

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/access/issuer"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/ui"
)

const demoNotice = "Made-up data, no legal advice, not for real patients."

// startIssuer starts the demo's identity provider beside its server: at the next
// port, so that a demo that is kept knows its people again, or at any free one if
// the server takes one.
func startIssuer(listen string, d demoData, now func() time.Time) (*issuer.Issuer, error) {
	_, port, err := net.SplitHostPort(listen)
	n, numErr := strconv.Atoi(port)
	if err != nil || numErr != nil { // the server will say so
		n = 0
	}
	if n > 0 {
		n++
	}
	i, err := issuer.Start(issuer.Config{Listen: net.JoinHostPort("127.0.0.1", strconv.Itoa(n)), Accounts: demoPeople(d), Now: now, Page: accountsPage, Assets: ui.Assets()})
	if err != nil {
		return nil, fault.New(fault.Invalid, "cannot_listen", "the port %d, for the demo's identity provider, cannot be listened on", n).
			Do("choose another with --listen: the provider takes the one after it").At("--listen").Because(err)
	}
	return i, nil
}

// demoPeople are the accounts that people can sign in as. Each is alone in a group
// of its own name.
func demoPeople(d demoData) []issuer.Account {
	var people []issuer.Account
	for _, a := range d.Accounts {
		if a.Role == identity.Service {
			continue
		}
		about := "All regions"
		if a.Regions[0] != identity.Every {
			about = "Region " + strings.Join(a.Regions, ", ")
		}
		people = append(people, issuer.Account{Subject: a.Key, Name: a.Name, Groups: []string{a.Key}, About: about})
	}
	return people
}

func demoGroups(d demoData) access.Groups {
	var g access.Groups
	for _, a := range d.Accounts {
		if a.Role != identity.Service {
			g.Roles = append(g.Roles, access.GroupRole{Group: a.Key, Role: a.Role, Regions: a.Regions})
		}
	}
	return g
}

// accountsPage shows the accounts as every page looks.
func accountsPage(w http.ResponseWriter, r *http.Request, c issuer.Choice) {
	page := &ui.Accounts{Frame: ui.Frame{Title: "Choose a role", Bare: true, Notice: demoNotice, FormsTo: c.Server}, Action: c.Action, Request: c.Request, Again: c.Again}
	for _, a := range c.Accounts {
		page.Accounts = append(page.Accounts, ui.DemoAccount{Subject: a.Subject, Name: a.Name, About: a.About})
	}
	if err := ui.Write(w, r, http.StatusOK, page); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
	}
}
