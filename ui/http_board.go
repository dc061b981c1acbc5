package ui

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/flags/eval"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/identity"
)

func (u *UI) boardRoutes(r chi.Router) {
	r.Get("/board", u.page(u.board))
	r.Get("/capabilities/{capability}", u.page(u.capability))
	r.Get("/regions/{region}/capabilities/{capability}", u.page(u.pair))
	r.Post("/regions/{region}/capabilities/{capability}/try", u.page(u.try))
	r.Get("/regions/{region}/capabilities/{capability}/answer", u.page(u.askAnswer))
	r.Post("/regions/{region}/capabilities/{capability}/answer", u.page(u.answer))
	r.Get("/regions/{region}/capabilities/{capability}/turn-off", u.page(u.askTurnOff))
	r.Post("/regions/{region}/capabilities/{capability}/turn-off", u.page(u.turnOff))
}

// snapshot is what the pages show, for one who may read it.
func (u *UI) snapshot(r *http.Request, t identity.Target) (*flags.Snapshot, error) {
	if err := identity.Can(api.PrincipalFrom(r.Context()), identity.ReadState, t); err != nil {
		return nil, err
	}
	if s := u.Replica.Snapshot(); s != nil {
		return s, nil
	}
	return nil, fault.New(fault.NotReady, "not_ready", "this replica has not loaded the state yet").Do("try again in a moment")
}

func (u *UI) board(w http.ResponseWriter, r *http.Request) error {
	snap, err := u.snapshot(r, identity.Target{Kind: "board"})
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := BoardFilter{Region: q.Get("region"), Kind: q.Get("kind"), Risk: q.Get("risk"), Stage: q.Get("stage"), Impact: q.Get("impact"), State: q.Get("state")}
	if f.Region != "" && !snap.HasRegion(f.Region) {
		_, err := snap.Region(f.Region)
		return err
	}
	var catalog []flags.Capability
	for _, c := range snap.Capabilities() {
		catalog = append(catalog, c.Value)
	}
	var regions []flags.Region
	for _, rec := range snap.Regions() {
		regions = append(regions, rec.Value)
	}
	return u.write(w, r, boardPage(snap.Board(u.Now()), catalog, regions, f))
}

func (u *UI) capability(w http.ResponseWriter, r *http.Request) error {
	snap, err := u.snapshot(r, identity.Target{Kind: "capability"})
	if err != nil {
		return err
	}
	rec, offer, err := snap.Capability(chi.URLParam(r, "capability"))
	if err != nil {
		return err
	}
	c := rec.Value
	p := &Capability{Frame: Frame{Title: c.Name, Area: "board"}, Value: c, Regions: standings(snap, c.Key, "", u.Now())}
	if offer.Exists() && offer.Value.Live() {
		p.Offer = &offer.Value
	}
	for _, i := range impacts {
		p.Impacts = append(p.Impacts, ImpactBar{i.Label, impactOf(c.Impact, i.Value)})
	}
	for _, key := range c.Prerequisites {
		other, _, err := snap.Capability(key)
		name := other.Value.Name
		if err != nil {
			name = key
		}
		p.Requires = append(p.Requires, RegionHead{key, name})
	}
	return u.write(w, r, p)
}

// standings is how a capability stands in every region but one.
func standings(snap *flags.Snapshot, capability, but string, at time.Time) []Standing {
	var list []Standing
	for _, r := range snap.Regions() {
		if r.Value.Key == but {
			continue
		}
		st, err := snap.Standing(r.Value.Key, capability, at)
		if err != nil {
			continue
		}
		s := Standing{Name: r.Value.Name, Path: "/regions/" + r.Value.Key + "/capabilities/" + capability, Mark: markOf(st.Cell)}
		if e := st.Enablement; e != nil {
			act := e.Answered
			if e.TurnedOff != nil {
				act = *e.TurnedOff
			}
			s.Reason, s.By, s.At = act.Reason, act.By, moment(act.At)
		}
		if st.How != nil {
			s.How = st.How.Words()
		}
		list = append(list, s)
	}
	return list
}

// place is the pair that an address names.
type place struct {
	snap       *flags.Snapshot
	region     flags.Region
	capability flags.Capability
	offered    bool
	standing   flags.Standing
}

func (u *UI) place(r *http.Request) (place, error) {
	region, capability := chi.URLParam(r, "region"), chi.URLParam(r, "capability")
	snap, err := u.snapshot(r, identity.Target{Kind: "enablement", Region: region, ID: capability})
	if err != nil {
		return place{}, err
	}
	p := place{snap: snap}
	rec, err := snap.Region(region)
	if err != nil {
		return p, err
	}
	c, offer, err := snap.Capability(capability)
	if err != nil {
		return p, err
	}
	p.region, p.capability, p.offered = rec.Value, c.Value, offer.Exists() && offer.Value.Live()
	p.standing, err = snap.Standing(region, capability, u.Now())
	return p, err
}

func (p place) path() string { return "/regions/" + p.region.Key + "/capabilities/" + p.capability.Key }

func (p place) target() identity.Target {
	return identity.Target{Kind: "enablement", Region: p.region.Key, ID: p.capability.Key}
}

// did are the sentences after something was done, by the word in the address.
var did = map[string]string{
	"answered": "Done. The answer is in force and on the record.", "off": "It is off. Portals are told at this moment.",
	"waits": "Proposed. It takes effect once it is signed off; those who can sign are told.",
	"same":  "It was so already; nothing was changed.",
}

func (u *UI) pairPage(r *http.Request, pl place, ctx eval.Context) (*Pair, error) {
	why, err := pl.snap.Explain(pl.region.Key, pl.capability.Key, ctx, u.Now())
	if err != nil {
		return nil, err
	}
	who := api.PrincipalFrom(r.Context())
	p := &Pair{Frame: Frame{Title: pl.capability.Name + " in " + pl.region.Name, Area: "board"}, Capability: pl.capability, Region: pl.region,
		Mark: markOf(pl.standing.Cell), Why: why, Others: standings(pl.snap, pl.capability.Key, pl.region.Key, u.Now()),
		MayAnswer: identity.Can(who, identity.Answer, pl.target()) == nil, MayTurnOff: identity.Can(who, identity.TurnOff, pl.target()) == nil,
		CanAnswer: pl.offered, Done: did[r.URL.Query().Get("done")], Facts: pl.capability.Context, Entered: map[string]string{}}
	if e := pl.standing.Enablement; e != nil {
		p.IsOn = e.On()
	}
	if pl.standing.How != nil {
		p.How = pl.standing.How.Words()
	}
	return p, nil
}

func (u *UI) pair(w http.ResponseWriter, r *http.Request) error {
	pl, err := u.place(r)
	if err != nil {
		return err
	}
	p, err := u.pairPage(r, pl, nil)
	if err != nil {
		return err
	}
	return u.write(w, r, p)
}

// try evaluates for a made-up patient. Nothing of it is kept.
func (u *UI) try(w http.ResponseWriter, r *http.Request) error {
	pl, err := u.place(r)
	if err != nil {
		return err
	}
	entered := map[string]string{}
	for _, fact := range pl.capability.Context {
		if v := strings.TrimSpace(r.PostFormValue(fact)); v != "" && len(v) <= 200 {
			entered[fact] = v
		}
	}
	ctx := madeUp(entered)
	p, err := u.pairPage(r, pl, nil)
	if err != nil {
		return err
	}
	why, err := pl.snap.Explain(pl.region.Key, pl.capability.Key, ctx, u.Now())
	if err != nil {
		return err
	}
	p.Entered, p.Try = entered, &Trial{On: why.On, Variant: why.Variant, Line: why.Line, Missing: why.Missing}
	return u.write(w, r, p)
}

// madeUp is an evaluation context of what was entered, by path: numbers, yes and
// no, and lists with commas are read as such.
func madeUp(entered map[string]string) eval.Context {
	ctx := eval.Context{"targetingKey": "made-up-patient"}
	for _, path := range slices.Sorted(maps.Keys(entered)) {
		at := map[string]any(ctx)
		parts := strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = factValue(path, entered[path])
	}
	return ctx
}
