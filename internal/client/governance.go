package client

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/governance/tally"
	"github.com/quorate/quorate/internal/api"
)

// A GovernanceList is a list of records of governance, as the API answers it.
type GovernanceList[T any] = Answer[api.List[api.Stored[T]]]

// A GovernanceRecord is one of them.
type GovernanceRecord[T any] = Answer[api.Stored[T]]

func list[T any](ctx context.Context, c *Client, path ...string) (GovernanceList[T], error) {
	return read[api.List[api.Stored[T]]](ctx, c, c.v1(path...), nil)
}

// with is a body that carries a reason beside other fields. Text that is empty and
// lists that there are none of are left out.
func with(why Why, fields map[string]any) map[string]any {
	body := map[string]any{}
	for name, value := range fields {
		v := reflect.ValueOf(value)
		if (v.Kind() == reflect.String || v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
			continue
		}
		body[name] = value
	}
	if why.Reason != "" {
		body["reason"] = why.Reason
	}
	if why.IfRevision != 0 {
		body["if_revision"] = why.IfRevision
	}
	return body
}

// ListBodies lists the bodies.
func (c *Client) ListBodies(ctx context.Context) (GovernanceList[governance.Body], error) {
	return list[governance.Body](ctx, c, "bodies")
}

// ShowBody shows a body, its charter and who sits in it.
func (c *Client) ShowBody(ctx context.Context, body string) (Answer[governance.BodyView], error) {
	return read[governance.BodyView](ctx, c, c.v1("bodies", body), nil)
}

// FoundBody founds the first body; founding has the fields body and occupants.
func (c *Client) FoundBody(ctx context.Context, founding map[string]json.RawMessage, why Why) (Written[governance.Body], error) {
	fields := map[string]any{}
	for name, value := range founding {
		fields[name] = value
	}
	return write[governance.Body](ctx, c, http.MethodPost, c.v1("bodies"), with(why, fields))
}

// SetSecretary records who is secretary of a body.
func (c *Client) SetSecretary(ctx context.Context, body string, p governance.Person, why Why) (Written[governance.Person], error) {
	return write[governance.Person](ctx, c, http.MethodPut, c.v1("bodies", body, "secretary"), with(why, map[string]any{"person": p}))
}

// Appoint records who holds a seat, acts for its holder, or is an alternate.
func (c *Client) Appoint(ctx context.Context, body string, a governance.Appointment, why Why) (Written[governance.Appointment], error) {
	return write[governance.Appointment](ctx, c, http.MethodPut, c.v1("bodies", body, "seats", a.Seat),
		with(why, map[string]any{"person": a.Person, "place": a.Place, "physician": a.Physician, "until": a.Until}))
}

// Vacate records that a person no longer occupies a seat; with "" it is oneself who
// resigns.
func (c *Client) Vacate(ctx context.Context, body, seat, person string, why Why) (Written[string], error) {
	verb := "vacate"
	if person == "" {
		verb = "resign"
	}
	return write[string](ctx, c, http.MethodPost, c.v1("bodies", body, "seats", seat, verb), with(why, map[string]any{"person": person}))
}

// ListCycles lists the cycles.
func (c *Client) ListCycles(ctx context.Context) (GovernanceList[governance.Cycle], error) {
	return list[governance.Cycle](ctx, c, "cycles")
}

// ShowCycle shows a cycle.
func (c *Client) ShowCycle(ctx context.Context, cycle string) (GovernanceRecord[governance.Cycle], error) {
	return read[api.Stored[governance.Cycle]](ctx, c, c.v1("cycles", cycle), nil)
}

// SetCycle sets a body's year, or moves its days.
func (c *Client) SetCycle(ctx context.Context, cycle string, value json.RawMessage, why Why) (Written[governance.Cycle], error) {
	return write[governance.Cycle](ctx, c, http.MethodPut, c.v1("cycles", cycle), setting{why, value})
}

// ListOrders lists the regions' orders of a cycle's needs.
func (c *Client) ListOrders(ctx context.Context, cycle string) (GovernanceList[governance.Order], error) {
	return list[governance.Order](ctx, c, "cycles", cycle, "orders")
}

// RankNeeds sets a region's own order of a cycle's needs.
func (c *Client) RankNeeds(ctx context.Context, o governance.Order, why Why) (Written[governance.Order], error) {
	return write[governance.Order](ctx, c, http.MethodPut, c.v1("cycles", o.Cycle, "orders", o.Region), with(why, map[string]any{"needs": o.Needs}))
}

// YearReport reports how a cycle went.
func (c *Client) YearReport(ctx context.Context, cycle string) (Answer[governance.YearReport], error) {
	return read[governance.YearReport](ctx, c, c.v1("cycles", cycle, "report"), nil)
}

// ListNeeds lists the needs.
func (c *Client) ListNeeds(ctx context.Context) (GovernanceList[governance.Need], error) {
	return list[governance.Need](ctx, c, "needs")
}

// ShowNeed shows a need.
func (c *Client) ShowNeed(ctx context.Context, id string) (GovernanceRecord[governance.Need], error) {
	return read[api.Stored[governance.Need]](ctx, c, c.v1("needs", id), nil)
}

// RaiseNeed raises a need and answers its id.
func (c *Client) RaiseNeed(ctx context.Context, n governance.Need, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("needs"),
		with(why, map[string]any{"cycle": n.Cycle, "region": n.Region, "title": n.Title, "text": n.Text, "yes_if": n.YesIf}))
}

// OnNeed does one of sponsor, withdraw, merge and answer.
func (c *Client) OnNeed(ctx context.Context, id, verb string, fields map[string]any, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("needs", id, verb), with(why, fields))
}

// ListCases lists the business cases.
func (c *Client) ListCases(ctx context.Context) (GovernanceList[governance.Case], error) {
	return list[governance.Case](ctx, c, "cases")
}

// ShowCase shows a business case and its deliberation.
func (c *Client) ShowCase(ctx context.Context, id string) (Answer[governance.CaseView], error) {
	return read[governance.CaseView](ctx, c, c.v1("cases", id), nil)
}

// CaseChanges shows what a version of a case changed.
func (c *Client) CaseChanges(ctx context.Context, id, version string) (Answer[api.List[governance.Line]], error) {
	return read[api.List[governance.Line]](ctx, c, c.v1("cases", id, "versions", version, "changes"), nil)
}

// WriteCase writes a business case, or its next version.
func (c *Client) WriteCase(ctx context.Context, id string, value json.RawMessage, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPut, c.v1("cases", id), setting{why, value})
}

// OnCase does one of submit and withdraw.
func (c *Client) OnCase(ctx context.Context, id, verb string, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("cases", id, verb), with(why, nil))
}

// Say makes a remark on a case and answers its id.
func (c *Client) Say(ctx context.Context, r governance.Remark) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("cases", r.Case, "remarks"), with(Why{}, map[string]any{"kind": r.Kind, "under": r.Under, "text": r.Text}))
}

// ResolveObjection withdraws one's own objection.
func (c *Client) ResolveObjection(ctx context.Context, id, remark string, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("cases", id, "remarks", remark, "resolve"), with(why, nil))
}

// ListMotions lists the motions.
func (c *Client) ListMotions(ctx context.Context) (GovernanceList[governance.Motion], error) {
	return list[governance.Motion](ctx, c, "motions")
}

// ShowMotion shows a motion.
func (c *Client) ShowMotion(ctx context.Context, id string) (GovernanceRecord[governance.Motion], error) {
	return read[api.Stored[governance.Motion]](ctx, c, c.v1("motions", id), nil)
}

// ShowPaper shows a motion's latest ballot paper.
func (c *Client) ShowPaper(ctx context.Context, id string) (Answer[governance.Paper], error) {
	return read[governance.Paper](ctx, c, c.v1("motions", id, "paper"), nil)
}

// ShowCount shows the count and the roll call of a motion.
func (c *Client) ShowCount(ctx context.Context, id string) (Answer[governance.Count], error) {
	return read[governance.Count](ctx, c, c.v1("motions", id, "count"), nil)
}

// ExportCount is what a recount starts from.
func (c *Client) ExportCount(ctx context.Context, id string) (Answer[tally.Export], error) {
	return read[tally.Export](ctx, c, c.v1("motions", id, "export"), nil)
}

// Move moves a motion and answers its id. The proposal goes as it was written.
func (c *Client) Move(ctx context.Context, proposal any) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("motions"), proposal)
}

// OnMotion does a verb on a motion, such as second, open or challenge.
func (c *Client) OnMotion(ctx context.Context, id, verb string, fields map[string]any, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("motions", id, verb), with(why, fields))
}

// ListBallots lists which seats have voted on a motion.
func (c *Client) ListBallots(ctx context.Context, id string) (Answer[api.List[governance.Cast]], error) {
	return read[api.List[governance.Cast]](ctx, c, c.v1("motions", id, "ballots"), nil)
}

// CastBallot casts, or replaces, the ballot of a seat.
func (c *Client) CastBallot(ctx context.Context, id, seat string, v governance.Vote) (Written[governance.Receipt], error) {
	return write[governance.Receipt](ctx, c, http.MethodPut, c.v1("motions", id, "ballots", seat), v)
}

// ListNotes lists what regions have learned with a capability.
func (c *Client) ListNotes(ctx context.Context, capability string) (GovernanceList[governance.Note], error) {
	return list[governance.Note](ctx, c, "capabilities", capability, "notes")
}

// ShareNote tells the other regions what one has learned.
func (c *Client) ShareNote(ctx context.Context, n governance.Note, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("regions", n.Region, "notes", n.Capability),
		with(why, map[string]any{"configured": n.Configured, "learned": n.Learned, "measured": n.Measured}))
}

// ListConcerns lists the concerns about live capabilities.
func (c *Client) ListConcerns(ctx context.Context) (GovernanceList[governance.Concern], error) {
	return list[governance.Concern](ctx, c, "concerns")
}

// RaiseConcern reports a concern and answers its id.
func (c *Client) RaiseConcern(ctx context.Context, n governance.Concern, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("regions", n.Region, "concerns"),
		with(why, map[string]any{"capability": n.Capability, "severity": n.Severity, "text": n.Text}))
}

// TriageConcern says what is done about a concern.
func (c *Client) TriageConcern(ctx context.Context, region, id string, v governance.Verdict, why Why) (Written[string], error) {
	return write[string](ctx, c, http.MethodPost, c.v1("regions", region, "concerns", id, "triage"), with(why, map[string]any{"verdict": v}))
}

// ListReviews lists the outcome reviews.
func (c *Client) ListReviews(ctx context.Context) (GovernanceList[governance.Review], error) {
	return list[governance.Review](ctx, c, "reviews")
}

// WriteReview records how a funded case turned out; review has the fields lines,
// harms and verdict.
func (c *Client) WriteReview(ctx context.Context, id string, review map[string]json.RawMessage, why Why) (Written[string], error) {
	fields := map[string]any{}
	for name, value := range review {
		fields[name] = value
	}
	return write[string](ctx, c, http.MethodPut, c.v1("cases", id, "review"), with(why, fields))
}
