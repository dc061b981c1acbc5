package flags

import "github.com/quorate/quorate/internal/fault"

// A Baseline is how the group would have a capability on: what its members found
// to work, for every region to start from. It binds none. An edit of it changes
// nothing that is served until a region accepts it, unless the region follows.
type Baseline struct {
	Capability string `json:"capability"`
	How        How    `json:"how,omitzero"`
	Set        Act    `json:"set"` // with the reason
}

// Accepted is a baseline as a region accepted it: its content, and the revision
// of the store that the content is of.
type Accepted struct {
	How      How   `json:"how,omitzero"`
	Revision int64 `json:"revision"`
	Act      Act   `json:"act"`
}

// Stance is how a region stands to the group's baseline.
type Stance string

// The stances. "" in a reply leaves things as they are.
const (
	Follow Stance = "follow" // every edit of the baseline holds at once
	Accept Stance = "accept" // the baseline as it is now
	Apart  Stance = "none"   // only what the region itself says
)

// Stances lists them.
var Stances = []Stance{Follow, Accept, Apart}

// check says what is wrong with a baseline. Facilities are a region's own.
func (b Baseline) check(c Capability, now Act, before Baseline) error {
	if len(b.How.Audience.Facilities) > 0 {
		return bad("/how/audience/facilities", b.How.Audience.Facilities[0], "leave facilities to each region; a baseline is for all of them")
	}
	if len(b.How.Audience.Jurisdictions) > 0 {
		return bad("/how/audience/jurisdictions", b.How.Audience.Jurisdictions[0], "leave jurisdictions to each region; a baseline is for all of them")
	}
	if err := b.How.check("/how", c); err != nil {
		return err
	}
	return b.How.checkTimes("/how", lastZone, now.At, before.How)
}

func noBaseline(capability string) error {
	return fault.New(fault.NotFound, "no_baseline", "the group has set no baseline for %s", capability).
		Do("see `quorate baseline list`").At("/baseline")
}
