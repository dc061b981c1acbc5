package client

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/audit"
)

// The shapes of lists and records, as the API answers them.
type (
	Regions      = Answer[api.List[api.Stored[flags.Region]]]
	Region       = Answer[api.Stored[flags.Region]]
	Facilities   = Answer[api.List[api.Stored[flags.Facility]]]
	Facility     = Answer[api.Stored[flags.Facility]]
	Capabilities = Answer[api.List[api.Stored[flags.Capability]]]
	Capability   = Answer[api.Stored[flags.Capability]]
	Offers       = Answer[api.List[api.Stored[flags.Offer]]]
	Offer        = Answer[api.Stored[flags.Offer]]
	Standings    = Answer[api.List[flags.Standing]]
	Standing     = Answer[flags.Standing]
)

// Why is what every change carries: the reason, for the record, the revision it
// was made for, 0 for any, and when it is to take effect, if not at once.
type Why struct {
	Reason     string `json:"reason,omitempty"`
	IfRevision int64  `json:"if_revision,omitempty"`
	// When and how fast, for the verbs that know it; see gate.Change.
	ApplyAt        time.Time `json:"apply_at,omitzero"`
	EmergencyHours float64   `json:"emergency_hours,omitempty"`
}

// setting is the body of a change that replaces a record. The record goes as it
// was written: the server knows best what is wrong with it.
type setting struct {
	Why
	Value json.RawMessage `json:"value"`
}

func (c *Client) v1(parts ...string) string { return c.at(append([]string{"api", "v1"}, parts...)...) }

// ListRegions lists the regions.
func (c *Client) ListRegions(ctx context.Context) (Regions, error) {
	return read[api.List[api.Stored[flags.Region]]](ctx, c, c.v1("regions"), nil)
}

// ShowRegion shows a region.
func (c *Client) ShowRegion(ctx context.Context, region string) (Region, error) {
	return read[api.Stored[flags.Region]](ctx, c, c.v1("regions", region), nil)
}

// SetRegion founds or changes a region.
func (c *Client) SetRegion(ctx context.Context, region string, value json.RawMessage, why Why) (Written[flags.Region], error) {
	return write[flags.Region](ctx, c, http.MethodPut, c.v1("regions", region), setting{why, value})
}

// ListFacilities lists a region's facilities.
func (c *Client) ListFacilities(ctx context.Context, region string) (Facilities, error) {
	return read[api.List[api.Stored[flags.Facility]]](ctx, c, c.v1("regions", region, "facilities"), nil)
}

// ShowFacility shows a facility.
func (c *Client) ShowFacility(ctx context.Context, region, facility string) (Facility, error) {
	return read[api.Stored[flags.Facility]](ctx, c, c.v1("regions", region, "facilities", facility), nil)
}

// SetFacility adds or changes a facility.
func (c *Client) SetFacility(ctx context.Context, region, facility string, value json.RawMessage, why Why) (Written[flags.Facility], error) {
	return write[flags.Facility](ctx, c, http.MethodPut, c.v1("regions", region, "facilities", facility), setting{why, value})
}

// ListCapabilities lists the capabilities.
func (c *Client) ListCapabilities(ctx context.Context) (Capabilities, error) {
	return read[api.List[api.Stored[flags.Capability]]](ctx, c, c.v1("capabilities"), nil)
}

// ShowCapability shows a capability.
func (c *Client) ShowCapability(ctx context.Context, capability string) (Capability, error) {
	return read[api.Stored[flags.Capability]](ctx, c, c.v1("capabilities", capability), nil)
}

// SetCapability adds or changes a capability.
func (c *Client) SetCapability(ctx context.Context, capability string, value json.RawMessage, why Why) (Written[flags.Capability], error) {
	return write[flags.Capability](ctx, c, http.MethodPut, c.v1("capabilities", capability), setting{why, value})
}

// ListOffers lists the offers, withdrawn ones included.
func (c *Client) ListOffers(ctx context.Context) (Offers, error) {
	return read[api.List[api.Stored[flags.Offer]]](ctx, c, c.v1("offers"), nil)
}

// ShowOffer shows an offer.
func (c *Client) ShowOffer(ctx context.Context, capability string) (Offer, error) {
	return read[api.Stored[flags.Offer]](ctx, c, c.v1("offers", capability), nil)
}

// GrantOffer offers a capability to the regions.
func (c *Client) GrantOffer(ctx context.Context, capability string, kind flags.OfferKind, why Why) (Written[flags.OfferKind], error) {
	return write[flags.OfferKind](ctx, c, http.MethodPut, c.v1("offers", capability), struct {
		Why
		Kind flags.OfferKind `json:"kind"`
	}{why, kind})
}

// WithdrawOffer ends an offer; what is on under it goes off.
func (c *Client) WithdrawOffer(ctx context.Context, capability string, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("offers", capability, "withdraw"), why)
}

// ListEnablements lists how every capability stands in a region.
func (c *Client) ListEnablements(ctx context.Context, region string) (Standings, error) {
	return read[api.List[flags.Standing]](ctx, c, c.v1("regions", region, "enablements"), nil)
}

// ShowEnablement shows how a capability stands in a region.
func (c *Client) ShowEnablement(ctx context.Context, region, capability string) (Standing, error) {
	return read[flags.Standing](ctx, c, c.v1("regions", region, "enablements", capability), nil)
}

// AnswerOffer gives a region's answer to an offer.
func (c *Client) AnswerOffer(ctx context.Context, region, capability string, reply flags.Reply, why Why) (Written[flags.Standing], error) {
	return write[flags.Standing](ctx, c, http.MethodPut, c.v1("regions", region, "enablements", capability), struct {
		Why
		flags.Reply
	}{why, reply})
}

// TurnOff turns a capability off in a region at once.
func (c *Client) TurnOff(ctx context.Context, region, capability, reason string) (Written[flags.Standing], error) {
	return write[flags.Standing](ctx, c, http.MethodPost, c.v1("regions", region, "enablements", capability, "off"), Why{Reason: reason})
}

// Board is every capability in every region.
func (c *Client) Board(ctx context.Context) (Answer[flags.Board], error) {
	return read[flags.Board](ctx, c, c.v1("board"), nil)
}

// asked is the body of a question about an evaluation context.
type asked struct {
	Context json.RawMessage `json:"context,omitempty"`
}

// Explain tells why a capability is on or off in a region for a context, which
// may be nil.
func (c *Client) Explain(ctx context.Context, region, capability string, facts json.RawMessage) (Answer[flags.Explanation], error) {
	return read[flags.Explanation](ctx, c, c.v1("regions", region, "explain", capability), asked{facts})
}

// An Evaluation is what OFREP answers for one flag.
type Evaluation struct {
	Key      string         `json:"key"`
	Value    any            `json:"value"`
	Variant  string         `json:"variant"`
	Reason   string         `json:"reason"`
	Metadata map[string]any `json:"metadata"`
	Error    string         `json:"errorCode"` // in a list: this flag failed
	Details  string         `json:"errorDetails"`
}

// Evaluations is what OFREP answers for all flags of a region.
type Evaluations struct {
	Flags []Evaluation `json:"flags"`
}

// Evaluate asks for a flag as a portal service does, through OFREP.
func (c *Client) Evaluate(ctx context.Context, region, flag string, facts json.RawMessage) (Answer[Evaluation], error) {
	return read[Evaluation](ctx, c, c.at("regions", region, "ofrep", "v1", "evaluate", "flags", flag), asked{facts})
}

// EvaluateAll asks for all flags of a region, through OFREP.
func (c *Client) EvaluateAll(ctx context.Context, region string, facts json.RawMessage) (Answer[Evaluations], error) {
	return read[Evaluations](ctx, c, c.at("regions", region, "ofrep", "v1", "evaluate", "flags"), asked{facts})
}

// ListRecord lists the newest entries of the record.
func (c *Client) ListRecord(ctx context.Context, limit int) (Answer[api.List[audit.Entry]], error) {
	return read[api.List[audit.Entry]](ctx, c, c.v1("audit")+"?limit="+strconv.Itoa(limit), nil)
}

// An Outcome is what became of a change.
type Outcome struct {
	Key      string `json:"key"`
	Applied  bool   `json:"applied"`
	Revision int64  `json:"revision"`
	Says     string `json:"says"`
}

// Outcome asks what became of a change.
func (c *Client) Outcome(ctx context.Context, key string) (Answer[Outcome], error) {
	return read[Outcome](ctx, c, c.v1("outcomes", key), nil)
}
