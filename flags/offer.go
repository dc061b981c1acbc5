package flags

import (
	"time"

	"github.com/quorate/quorate/internal/fault"
)

// OfferKind says how much an offer gives.
type OfferKind string

// Full is an offer to every region without terms.
const Full OfferKind = "full"

// An Offer is the right to enable a capability. It turns nothing on.
type Offer struct {
	Capability string    `json:"capability"`
	Kind       OfferKind `json:"kind"`
	Granted    Act       `json:"granted"`
	Withdrawn  *Act      `json:"withdrawn,omitempty"`
}

// An Act is who did something, when and why, with the change that recorded it.
type Act struct {
	Change string    `json:"change"` // id of the change and its leaf in the record
	By     string    `json:"by"`     // name by role
	At     time.Time `json:"at"`     // UTC
	Reason string    `json:"reason,omitempty"`
}

// Live reports whether the offer stands.
func (o Offer) Live() bool { return o.Capability != "" && o.Withdrawn == nil }

// grant offers a capability that is ready, or offers it again.
func grant(c Capability, before Offer, kind OfferKind, act Act) (Offer, error) {
	switch {
	case kind != Full:
		return Offer{}, bad("/kind", string(kind), "the kind of an offer is %s", Full)
	case before.Live():
		return Offer{}, fault.New(fault.Refused, "already_offered", "%s has been offered since %s", c.Key, before.Granted.At.Format(time.DateOnly)).
			Do("nothing needs to be done, or withdraw it first")
	case c.Stage != Ready && c.Stage != Offered:
		return Offer{}, fault.New(fault.Refused, "not_ready", "%s is %s, and only a capability that is ready can be offered", c.Key, c.Stage).
			Do("move it to the stage ready first")
	}
	return Offer{Capability: c.Key, Kind: kind, Granted: act}, nil
}

// withdraw ends an offer; what regions have enabled under it goes off.
func withdraw(c Capability, o Offer, act Act) (Offer, error) {
	if !o.Live() {
		return Offer{}, fault.New(fault.Refused, "not_offered", "%s is not offered, so there is no offer to withdraw", c.Key).
			Do("look at the offers with `quorate offer list`")
	}
	o.Withdrawn = &act
	return o, nil
}
