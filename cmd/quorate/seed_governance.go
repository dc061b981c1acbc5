package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// demoGovernance is the group, and its year up to an open ballot.
type demoGovernance struct {
	Body      governance.Body `json:"body"`
	Occupants []demoSeat      `json:"occupants"`
	Cycle     struct {
		Key      string `json:"key"`
		Name     string `json:"name"`
		Currency string `json:"currency"`
		AnswerBy int    `json:"answer_by"`
		Phases   []struct {
			Phase governance.Phase `json:"phase"`
			From  int              `json:"from"` // days from today
			To    int              `json:"to"`
		} `json:"phases"`
	} `json:"cycle"`
	Goals []governance.Goal `json:"goals"`
	Needs []struct {
		Account string `json:"account"`
		Region  string `json:"region"`
		Title   string `json:"title"`
		Text    string `json:"text"`
	} `json:"needs"`
	Budget    int64      `json:"budget"`
	Cases     []demoCase `json:"cases"`
	SetAside  []string   `json:"set_aside"`
	Objection struct {
		Case     string `json:"case"`
		Account  string `json:"account"`
		Text     string `json:"text"`
		Benefits string `json:"benefits"`
		Met      string `json:"met"`
	} `json:"objection"`
	Statement struct {
		Case    string `json:"case"`
		Account string `json:"account"`
		Text    string `json:"text"`
	} `json:"statement"`
	Ballot struct {
		Hours int `json:"hours"`
		Votes []struct {
			Account  string   `json:"account"`
			Approves []string `json:"approves"`
		} `json:"votes"`
	} `json:"ballot"`
}

// demoSeat is an account in a seat.
type demoSeat struct {
	Seat      string `json:"seat"`
	Account   string `json:"account"`
	Physician bool   `json:"physician"`
}

// demoCase is a business case, without what the seeder fills in.
type demoCase struct {
	ID           string          `json:"id"`
	Account      string          `json:"account"`
	Title        string          `json:"title"`
	Goal         string          `json:"goal"`
	Needs        []int           `json:"needs"` // by their place in the list
	Capabilities []string        `json:"capabilities"`
	Required     string          `json:"required"`
	Problem      string          `json:"problem"`
	Benefits     string          `json:"benefits"`
	Cost         governance.Cost `json:"cost"`
	Impact       map[string]int  `json:"impact"`
}

// written is the case with what all of the demo's have in common, labelled as what it
// is.
func (k demoCase) written(cycle string, needs []string, check string) governance.Case {
	c := governance.Case{ID: k.ID, Cycle: cycle, Title: k.Title, Goal: k.Goal, Capabilities: k.Capabilities, Required: k.Required,
		Problem: k.Problem, Benefits: k.Benefits, Cost: k.Cost, Evidence: "Counted in one region's call center for a month (illustrative).",
		Outlook: "No change of law is expected before it is built.", Labels: []string{"illustrative"}, Regions: map[string]governance.RegionEffect{}}
	for _, n := range k.Needs {
		c.Needs = append(c.Needs, needs[n])
	}
	for _, r := range []string{"nca", "sca", "co", "ga", "hi", "mas", "nw", "wa"} {
		c.Regions[r] = governance.RegionEffect{Gains: "As described.", Workload: "Some hours of training in the first month.", Revenue: "None.", Readiness: "To be asked when it is ready."}
	}
	for _, area := range governance.Areas {
		c.Impact = append(c.Impact, governance.ImpactLine{Area: area, Score: k.Impact[area], ForWhom: "members", Baseline: "the quarter before it is offered", CheckOn: check})
	}
	for _, kind := range governance.HarmKinds {
		c.Harms = append(c.Harms, governance.Harm{Kind: kind, Considered: "Looked at with the authors; little is expected.", Mitigation: "Watched in the outcome review."})
	}
	return c
}

// group founds the demo's body and takes its year up to an open ballot. Its people
// sign in at the demo's identity provider like anybody else: a token holds no seat.
func (z *seeder) group(ctx context.Context, d demoData) error {
	g := d.Governance
	if err := z.found(ctx, g); err != nil {
		return fmt.Errorf("founding the group: %w", err)
	}
	if err := z.direction(ctx, g); err != nil {
		return fmt.Errorf("the direction: %w", err)
	}
	needs, err := z.needs(ctx, g)
	if err != nil {
		return fmt.Errorf("the needs: %w", err)
	}
	if err := z.cases(ctx, g, needs); err != nil {
		return fmt.Errorf("the cases: %w", err)
	}
	if err := z.ballot(ctx, g); err != nil {
		return fmt.Errorf("the ballot: %w", err)
	}
	return nil
}

func (z *seeder) day(from int) string { return z.now().UTC().AddDate(0, 0, from).Format(time.DateOnly) }

func (z *seeder) found(ctx context.Context, g demoGovernance) error {
	f := governance.Founding{Body: g.Body}
	for _, o := range g.Occupants {
		who, err := z.person(ctx, o.Account)
		if err != nil {
			return err
		}
		f.Occupants = append(f.Occupants, governance.Appointment{Seat: o.Seat, Place: governance.Holding, Physician: o.Physician,
			Person: governance.Person{ID: who.ID, Name: who.Name}})
	}
	secretary, err := z.person(ctx, "secretary")
	if err != nil {
		return err
	}
	f.Body.Secretary = governance.Person{ID: secretary.ID, Name: secretary.Name}
	operator, err := z.as(z.secrets["operator"], "The regions agreed to it")
	if err != nil {
		return err
	}
	if _, err := z.s.Governance.FoundBody(ctx, operator, f); err != nil {
		return err
	}
	c := governance.Cycle{Key: g.Cycle.Key, Body: g.Body.Key, Name: g.Cycle.Name, Currency: g.Cycle.Currency, AnswerBy: z.day(g.Cycle.AnswerBy)}
	for _, p := range g.Cycle.Phases {
		c.Phases = append(c.Phases, governance.Period{Phase: p.Phase, From: z.day(p.From), To: z.day(p.To)})
	}
	_, err = z.s.Governance.SetCycle(ctx, z.by(ctx, "secretary", "As the group agreed"), c)
	return err
}

// by is an origin of a person of the group. Its sign-in was made a moment ago.
func (z *seeder) by(ctx context.Context, account, reason string) gate.Origin {
	who, err := z.person(ctx, account)
	if err != nil {
		return gate.Origin{} // nobody: the gate refuses it, and says so
	}
	return gate.Origin{Actor: who, Reason: reason}
}

func (z *seeder) moved(ctx context.Context, p governance.Proposal, closes time.Duration) (string, error) {
	id, _, err := z.s.Governance.Move(ctx, z.by(ctx, "chair", ""), p)
	if err != nil {
		return id, err
	}
	if _, err := z.s.Governance.Second(ctx, z.by(ctx, "sca-member", ""), id); err != nil {
		return id, err
	}
	_, err = z.s.Governance.Open(ctx, z.by(ctx, "secretary", ""), id, z.now().Add(closes))
	return id, err
}

func (z *seeder) direction(ctx context.Context, g demoGovernance) error {
	id, err := z.moved(ctx, governance.Proposal{Body: g.Body.Key, Kind: governance.Direction, Title: "Direction of the year",
		Text: "Resolved, that these be the goals of the year.", Subject: governance.Subject{Cycle: g.Cycle.Key, Goals: g.Goals}}, time.Hour)
	if err != nil {
		return err
	}
	for _, rule := range g.Body.Charter.Seats {
		i := slices.IndexFunc(g.Occupants, func(o demoSeat) bool { return o.Seat == rule.Key })
		if !rule.Voting || i < 0 {
			continue
		}
		if err := z.casts(ctx, g, id, g.Occupants[i].Account, governance.Vote{Vote: tally.Yes}); err != nil {
			return err
		}
	}
	clerk := gate.Origin{Actor: governance.Clerk()} // all have voted: it need not wait for its round
	if _, err := z.s.Governance.Close(ctx, clerk, id); err != nil {
		return err
	}
	_, err = z.s.Governance.Settle(ctx, clerk, id)
	return err
}

func (z *seeder) casts(ctx context.Context, g demoGovernance, motion, account string, v governance.Vote) error {
	for _, o := range g.Occupants {
		if o.Account == account {
			_, _, err := z.s.Governance.Cast(ctx, z.by(ctx, account, ""), motion, o.Seat, v)
			return err
		}
	}
	return fmt.Errorf("the account %s has no seat", account)
}

func (z *seeder) needs(ctx context.Context, g demoGovernance) (ids []string, err error) {
	for _, n := range g.Needs {
		o, err := z.as(z.secrets[n.Account], "")
		if err != nil {
			return nil, err
		}
		id, _, err := z.s.Governance.RaiseNeed(ctx, o, governance.Need{Cycle: g.Cycle.Key, Region: n.Region, Title: n.Title, Text: n.Text})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (z *seeder) cases(ctx context.Context, g demoGovernance, needs []string) error {
	for _, k := range g.Cases {
		author := z.by(ctx, k.Account, "Complete")
		c := k.written(g.Cycle.Key, needs, z.day(500))
		if _, err := z.s.Governance.WriteCase(ctx, author, c); err != nil {
			return err
		}
		if _, err := z.s.Governance.SubmitCase(ctx, author, k.ID); err != nil {
			return err
		}
		if o := g.Objection; o.Case == k.ID {
			nursing, err := z.as(z.secrets[o.Account], o.Met)
			if err != nil {
				return err
			}
			remark, _, err := z.s.Governance.Say(ctx, nursing, governance.Remark{Case: k.ID, Kind: governance.Objection, Text: o.Text})
			if err != nil {
				return err
			}
			c.Benefits, author.Reason = o.Benefits, o.Met
			if _, err := z.s.Governance.WriteCase(ctx, author, c); err != nil {
				return err
			}
			if _, err := z.s.Governance.Resolve(ctx, nursing, k.ID, remark); err != nil {
				return err
			}
		}
	}
	panel, err := z.as(z.secrets[g.Statement.Account], "")
	if err == nil {
		_, _, err = z.s.Governance.Say(ctx, panel, governance.Remark{Case: g.Statement.Case, Kind: governance.Statement, Text: g.Statement.Text})
	}
	return err
}

func (z *seeder) ballot(ctx context.Context, g demoGovernance) error {
	sub := governance.Subject{Cycle: g.Cycle.Key, Budget: g.Budget, SetAside: g.SetAside}
	for _, k := range g.Cases {
		if !slices.Contains(g.SetAside, k.ID) {
			sub.Cases = append(sub.Cases, k.ID)
		}
	}
	id, err := z.moved(ctx, governance.Proposal{Body: g.Body.Key, Kind: governance.Priority, Title: "Priorities of the year",
		Text: "Resolved, that the budget of the year be divided among these cases by equal shares.", Subject: sub}, time.Duration(g.Ballot.Hours)*time.Hour)
	if err != nil {
		return err
	}
	for _, v := range g.Ballot.Votes {
		if err := z.casts(ctx, g, id, v.Account, governance.Vote{Approves: v.Approves}); err != nil {
			return err
		}
	}
	return nil
}

// person signs an account in at the demo's identity provider, as a browser does, and
// again when that was too long ago to sign something off.
func (z *seeder) person(ctx context.Context, account string) (identity.Principal, error) {
	if p := z.people[account]; p.Fresh(z.now(), identity.FreshFor/2) {
		return p, nil
	}
	began, err := z.s.Door.Begin(ctx, "/", identity.Principal{})
	if err != nil {
		return identity.Principal{}, err
	}
	back, err := choose(ctx, began.Redirect, account)
	if err != nil {
		return identity.Principal{}, fmt.Errorf("signing in as %s: %w", account, err)
	}
	entry, err := z.s.Door.Finish(ctx, access.Return{Sealed: began.Sealed, State: back.Get("state"), Code: back.Get("code"), Issuer: back.Get("iss"), Error: back.Get("error")})
	if err != nil {
		return identity.Principal{}, err
	}
	p, err := z.s.Directory.Session(entry.Secret, z.now())
	z.people[account] = p
	return p, err
}

// choose chooses an account at the demo's identity provider, and returns what the
// browser would bring back from there.
func choose(ctx context.Context, address, account string) (url.Values, error) {
	browser := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == access.CallbackPath {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	at, err := visit(ctx, browser, address, nil)
	if err != nil {
		return nil, err
	}
	chosen := *at.Request.URL
	form := url.Values{"request": {chosen.Query().Get("request")}, "account": {account}}
	chosen.RawQuery = ""
	done, err := visit(ctx, browser, chosen.String(), form)
	if err != nil {
		return nil, err
	}
	back, err := done.Location()
	if err != nil {
		return nil, errors.New("the identity provider did not send the browser back")
	}
	return back.Query(), nil
}

// visit asks for a page, or sends a form.
func visit(ctx context.Context, browser *http.Client, address string, form url.Values) (*http.Response, error) {
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := browser.Do(req)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // only where it leads matters
	return res, res.Body.Close()
}
