package access

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

// A Held is one role that somebody holds, and why.
type Held struct {
	Role    identity.Role `json:"role"`
	Regions []string      `json:"regions"`
	Why     string        `json:"why" doc:"Where it comes from: a group, a token, a delegation"`
}

// A Power is one action that somebody may take, and by which role.
type Power struct {
	Action  identity.Action `json:"action"`
	Says    string          `json:"says" doc:"The action for people"`
	Regions []string        `json:"regions" doc:"Where; * for everywhere"`
	By      []string        `json:"by" doc:"The roles that allow it"`
}

// A Profile answers "what can X do, and why".
type Profile struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Kind     string     `json:"kind" enum:"person,token"`
	State    string     `json:"state" enum:"live,disabled,expired,revoked"`
	LastSeen *time.Time `json:"last_seen,omitempty" doc:"The last sign-in of a person, or the last use of a token"`
	Held     []Held     `json:"held" nullable:"false"`
	May      []Power    `json:"may" nullable:"false"`
}

// A Holder is somebody who may take an action, and why: the answer to "who can do
// Y" is a list of these.
type Holder struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Kind string   `json:"kind" enum:"person,token,group"`
	By   []string `json:"by" doc:"The roles that allow it, and where they come from"`
}

// powers is what a principal may do, in the order of the actions. It is pure.
func powers(p identity.Principal) []Power {
	list := []Power{}
	for _, a := range identity.Actions {
		grants := identity.Permitting(p, a)
		if len(grants) == 0 {
			continue
		}
		power := Power{Action: a, Says: identity.Description(a)}
		for _, g := range grants {
			power.By = append(power.By, g.String())
			power.Regions = append(power.Regions, g.Regions...)
		}
		slices.Sort(power.Regions)
		power.Regions = slices.Compact(power.Regions)
		if a.Everywhere() || slices.Contains(power.Regions, identity.Every) {
			power.Regions = []string{identity.Every}
		}
		list = append(list, power)
	}
	return list
}

// reaches reports whether a grant lets its holder take an action for a region; ""
// asks for any.
func reaches(g identity.Grant, a identity.Action, region string) bool {
	return region == "" || a.Everywhere() || g.Covers(region)
}

// Profile says what a principal can do, and why. Anybody may ask about itself.
func (s *Service) Profile(ctx context.Context, who identity.Principal, id string, dir *Directory) (Profile, error) {
	if id == "" || id == "me" {
		id = who.ID
	}
	if id != who.ID || !who.Known() {
		if err := identity.Can(who, identity.ReadAccess, identity.Target{Kind: "access", ID: id}); err != nil {
			return Profile{}, err
		}
	}
	if rest, ok := strings.CutPrefix(id, "token:"); ok {
		return s.tokenProfile(ctx, rest)
	}
	profile, known := dir.personProfile(id, s.now())
	if !known {
		return Profile{}, unknownPerson(id)
	}
	return profile, nil
}

func (s *Service) tokenProfile(ctx context.Context, id string) (Profile, error) {
	if !wellFormedID(id) {
		return Profile{}, unknownID(id)
	}
	t, err := s.records.get(ctx, id)
	switch {
	case err != nil:
		return Profile{}, err
	case t.ID == "":
		return Profile{}, unknownID(id)
	}
	p := Profile{ID: "token:" + id, Name: t.Name, Kind: "token", State: viewOf(t, s.now()).State, May: powers(t.Principal()), Held: []Held{}}
	for _, g := range t.Grants {
		p.Held = append(p.Held, Held{Role: g.Role, Regions: g.Regions, Why: "the token was issued so by " + t.IssuedBy + " (change " + t.Change + ")"})
	}
	return p, nil
}

// personProfile says it of a person who has signed in here.
func (d *Directory) personProfile(id string, now time.Time) (Profile, bool) {
	c := d.crowd
	c.mu.RLock()
	defer c.mu.RUnlock()
	visit, known := c.visits[id]
	if !known {
		return Profile{}, false
	}
	grants := c.grantsOf(id, now)
	p := Profile{ID: id, Name: visit.Name, Kind: "person", State: "live", LastSeen: &visit.LastSignIn, Held: []Held{},
		May: powers(identity.Principal{ID: id, Name: visit.Name, Grants: grants})}
	if c.people[id].Disabled {
		p.State, p.May = "disabled", []Power{}
		return p, true
	}
	for _, r := range c.groups.Roles {
		if _, in := slices.BinarySearch(visit.Groups, r.Group); in {
			p.Held = append(p.Held, Held{Role: r.Role, Regions: r.Regions, Why: "member of the group " + r.Group})
		}
	}
	for _, g := range grants {
		if lent, ok := c.delegations[g.Via]; ok {
			p.Held = append(p.Held, Held{Role: g.Role, Regions: g.Regions,
				Why: "delegated by " + lent.FromAs + " until " + lent.Expires.Format("2006-01-02 15:04 MST") + " (delegation " + lent.ID + ")"})
		}
	}
	return p, true
}

// WhoCan lists who may take an action for a region, "" for any: tokens that are
// accepted, people who have signed in here, and the groups that would let more
// people do it.
func (s *Service) WhoCan(ctx context.Context, who identity.Principal, a identity.Action, region string, dir *Directory) ([]Holder, error) {
	if err := identity.Can(who, identity.ReadAccess, identity.Target{Kind: "access"}); err != nil {
		return nil, err
	}
	if !a.Known() {
		return nil, fault.New(fault.NotFound, "unknown_verb", "there is no action %.60q", a).Do("use one of: %s", words(identity.Actions)).At("action")
	}
	if region != "" && s.known != nil && !s.known(region) {
		return nil, fault.New(fault.NotFound, "unknown_region", "there is no region %.60q", region).Do("list them with `quorate region list`").At("region")
	}
	all, err := s.records.all(ctx)
	if err != nil {
		return nil, err
	}
	holders := dir.peopleWhoCan(a, region, s.now())
	for _, t := range all {
		if h := (Holder{ID: "token:" + t.ID, Name: t.Name, Kind: "token", By: by(t.Principal(), a, region)}); t.Live(s.now()) && len(h.By) > 0 {
			holders = append(holders, h)
		}
	}
	slices.SortFunc(holders, func(x, y Holder) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	return holders, nil
}

// by names the roles of a principal that allow the action for the region.
func by(p identity.Principal, a identity.Action, region string) (names []string) {
	for _, g := range identity.Permitting(p, a) {
		if reaches(g, a, region) {
			names = append(names, g.String())
		}
	}
	return names
}

func (d *Directory) peopleWhoCan(a identity.Action, region string, now time.Time) []Holder {
	c := d.crowd
	c.mu.RLock()
	defer c.mu.RUnlock()
	holders := []Holder{}
	for id, visit := range c.visits {
		if c.people[id].Disabled {
			continue
		}
		if names := by(identity.Principal{ID: id, Grants: c.grantsOf(id, now)}, a, region); len(names) > 0 {
			holders = append(holders, Holder{ID: id, Name: visit.Name, Kind: "person", By: names})
		}
	}
	for _, r := range c.groups.Roles {
		if names := by(identity.Principal{Grants: []identity.Grant{{Role: r.Role, Regions: r.Regions}}}, a, region); len(names) > 0 {
			holders = append(holders, Holder{ID: "group:" + r.Group, Name: r.Group, Kind: "group", By: names})
		}
	}
	return holders
}

// People lists who has signed in here, by name, as profiles without their powers.
func (s *Service) People(who identity.Principal, dir *Directory) ([]Profile, error) {
	if err := identity.Can(who, identity.ReadAccess, identity.Target{Kind: "access"}); err != nil {
		return nil, err
	}
	dir.crowd.mu.RLock()
	ids := make([]string, 0, len(dir.crowd.visits))
	for id := range dir.crowd.visits {
		ids = append(ids, id)
	}
	dir.crowd.mu.RUnlock()
	list := make([]Profile, 0, len(ids))
	for _, id := range ids {
		if p, known := dir.personProfile(id, s.now()); known {
			p.May = []Power{}
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Profile) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}
