package governance

import (
	"slices"

	"github.com/quorate/quorate/internal/fault"
)

// A Need is what a region or a contributor wants of the year. Every need ends
// answered, with how, or not, with why.
type Need struct {
	ID       string    `json:"id"`
	Cycle    string    `json:"cycle"`
	Region   string    `json:"region,omitempty"` // none: of no single region
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	YesIf    string    `json:"yes_if,omitempty"` // the capability that the region would enable if this were met
	State    NeedState `json:"state"`
	Raised   Act       `json:"raised"`
	Sponsors []Act     `json:"sponsors,omitempty" nullable:"false"`
	Into     string    `json:"into,omitempty"`                   // merged: the need that stands for it
	Cases    []string  `json:"cases,omitempty" nullable:"false"` // answered: by which
	Ended    *Act      `json:"ended,omitempty"`                  // with how, or why not
}

// NeedState is where a need is.
type NeedState string

// The states of a need.
const (
	NeedOpen      NeedState = "open"
	NeedMerged    NeedState = "merged"
	NeedWithdrawn NeedState = "withdrawn"
	NeedAnswered  NeedState = "answered"
	NeedDeclined  NeedState = "declined"
)

// An Order is a region's own order of a cycle's needs, the most wanted first.
type Order struct {
	Cycle  string   `json:"cycle"`
	Region string   `json:"region"`
	Needs  []string `json:"needs" nullable:"false"`
	Set    Act      `json:"set"`
}

const maxSponsors = 60

// raise makes a need.
func raise(n Need, act Act) (Need, error) {
	switch {
	case !keyWord.MatchString(n.Cycle):
		return n, bad("/cycle", n.Cycle, "name the cycle, such as 2027")
	case n.Region != "" && !keyWord.MatchString(n.Region):
		return n, bad("/region", n.Region, "name a region by its key, or none")
	case !plain(n.Title, MaxTitle):
		return n, bad("/title", n.Title, "a title has 1 to %d characters", MaxTitle)
	case !plain(n.Text, 4000):
		return n, bad("/text", n.Text, "say in 1 to 4,000 characters what is wanted, and for whom")
	case n.YesIf != "" && n.Region == "":
		return n, bad("/region", "", "a yes-if is a region's: name it")
	}
	n.State, n.Raised, n.Sponsors, n.Into, n.Cases, n.Ended = NeedOpen, act, nil, "", nil, nil
	return n, nil
}

func (n Need) mustBeOpen() error {
	if n.State == NeedOpen {
		return nil
	}
	return fault.New(fault.Refused, "need_"+string(n.State), "the need %s is %s", n.ID, n.State).Do("raise another")
}

// sponsor adds somebody who wants it too.
func (n Need) sponsor(act Act) (Need, error) {
	if err := n.mustBeOpen(); err != nil {
		return n, err
	}
	same := func(a Act) bool { return a.By.ID == act.By.ID }
	if slices.ContainsFunc(n.Sponsors, same) || n.Raised.By.ID == act.By.ID {
		return n, fault.New(fault.Refused, "sponsors_already", "%s stands behind the need already", act.By.Name).Do("nothing needs to be done")
	}
	if len(n.Sponsors) == maxSponsors {
		return n, fault.New(fault.Refused, "too_many_sponsors", "%d stand behind it already", maxSponsors).Do("nothing needs to be done")
	}
	n.Sponsors = append(slices.Clone(n.Sponsors), act)
	return n, nil
}

// takeBack is by whoever raised it.
func (n Need) takeBack(act Act) (Need, error) {
	if err := n.mustBeOpen(); err != nil {
		return n, err
	}
	if n.Raised.By.ID != act.By.ID {
		return n, fault.New(fault.Forbidden, "not_yours", "the need %s is %s's to withdraw", n.ID, n.Raised.By.Name).Do("ask them, or merge it")
	}
	n.State, n.Ended = NeedWithdrawn, &act
	return n, nil
}

// merge lets another need stand for it.
func (n Need) merge(into Need, act Act) (Need, error) {
	if err := n.mustBeOpen(); err != nil {
		return n, err
	}
	if err := into.mustBeOpen(); err != nil {
		return n, err
	}
	if into.ID == n.ID || into.Cycle != n.Cycle {
		return n, bad("/into", into.ID, "name another need of the cycle %s", n.Cycle)
	}
	n.State, n.Into, n.Ended = NeedMerged, into.ID, &act
	return n, nil
}

// answer ends a need: by cases, or with the reason why not.
func (n Need) answer(cases []string, act Act) (Need, error) {
	if err := n.mustBeOpen(); err != nil {
		return n, err
	}
	n.State, n.Cases, n.Ended = NeedAnswered, cases, &act
	if len(cases) == 0 {
		n.State = NeedDeclined
	}
	return n, nil
}

func unknownNeed(id string) error {
	return fault.New(fault.NotFound, "unknown_need", "there is no need %.80q", id).Do("list them with `quorate need list`")
}
