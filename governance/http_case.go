package governance

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/gate"
)

func (s *Service) needRoutes(a huma.API) {
	listing(a, op("list-needs", http.MethodGet, "/needs", "needs", "List the needs"), s, needs)
	reading(a, op("show-need", http.MethodGet, "/needs/{need}", "needs", "Show a need"),
		func(ctx context.Context, in *NeedPath) (api.Stored[Need], error) {
			rec, err := find(s.store.View(ctx), needs, unknownNeed(in.Need), in.Need)
			return api.StoredOf(rec), err
		})
	huma.Register(a, op("raise-need", http.MethodPost, "/needs", "needs", "Raise a need, or say yes-if to an offer"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Body struct {
				api.Changing
				Cycle  string `json:"cycle" maxLength:"64"`
				Region string `json:"region,omitempty" maxLength:"64"`
				Title  string `json:"title"`
				Text   string `json:"text"`
				YesIf  string `json:"yes_if,omitempty" maxLength:"64" doc:"The capability that the region would enable if this were met."`
			}
		}) (*api.Written[string], error) {
			b := in.Body
			id, receipt, err := s.RaiseNeed(ctx, b.Origin(ctx, in.Keyed), Need{Cycle: b.Cycle, Region: b.Region, Title: b.Title, Text: b.Text, YesIf: b.YesIf})
			return api.Wrote(id, receipt, err)
		})
	for _, v := range []struct {
		id, summary string
		do          func(context.Context, gate.Origin, string) (gate.Receipt, error)
	}{{"sponsor", "Stand behind a need", s.SponsorNeed}, {"withdraw", "Withdraw one's own need", s.WithdrawNeed}} {
		huma.Register(a, op(v.id+"-need", http.MethodPost, "/needs/{need}/"+v.id, "needs", v.summary),
			func(ctx context.Context, in *struct {
				api.Keyed
				NeedPath
				Body api.Changing
			}) (*api.Written[string], error) {
				receipt, err := v.do(ctx, in.Body.Origin(ctx, in.Keyed), in.Need)
				return api.Wrote(in.Need, receipt, err)
			})
	}
	huma.Register(a, op("merge-need", http.MethodPost, "/needs/{need}/merge", "needs", "Let another need stand for this one"),
		func(ctx context.Context, in *struct {
			api.Keyed
			NeedPath
			Body struct {
				api.Changing
				Into string `json:"into" maxLength:"64"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.MergeNeed(ctx, in.Body.Origin(ctx, in.Keyed), in.Need, in.Body.Into)
			return api.Wrote(in.Body.Into, receipt, err)
		})
	huma.Register(a, op("answer-need", http.MethodPost, "/needs/{need}/answer", "needs", "End a need: by cases, or with the reason why not"),
		func(ctx context.Context, in *struct {
			api.Keyed
			NeedPath
			Body struct {
				api.Changing
				Cases []string `json:"cases,omitempty" nullable:"false"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.AnswerNeed(ctx, in.Body.Origin(ctx, in.Keyed), in.Need, in.Body.Cases)
			return api.Wrote(in.Need, receipt, err)
		})
}

// CaseView is a case with what was said of it and what keeps it off a ballot.
type CaseView struct {
	Revision int64    `json:"revision"`
	Value    Case     `json:"value"`
	Missing  []string `json:"missing" nullable:"false" doc:"Required lines that are empty."`
	Remarks  []Remark `json:"remarks" nullable:"false"`
}

func (s *Service) caseRoutes(a huma.API) {
	listing(a, op("list-cases", http.MethodGet, "/cases", "cases", "List the business cases"), s, cases)
	reading(a, op("show-case", http.MethodGet, "/cases/{case}", "cases", "Show a business case and its deliberation"), s.caseView)
	reading(a, op("show-case-changes", http.MethodGet, "/cases/{case}/versions/{version}/changes", "cases", "Show what a version of a case changed"), s.caseChanges)
	huma.Register(a, op("write-case", http.MethodPut, "/cases/{case}", "cases", "Write a business case, or its next version"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CasePath
			Body struct {
				api.Changing
				Value Case `json:"value"`
			}
		}) (*api.Written[string], error) {
			in.Body.Value.ID = in.Case
			receipt, err := s.WriteCase(ctx, in.Body.Origin(ctx, in.Keyed), in.Body.Value)
			return api.Wrote(in.Case, receipt, err)
		})
	for _, v := range []struct {
		id, summary string
		do          func(context.Context, gate.Origin, string) (gate.Receipt, error)
	}{{"submit", "Put a complete case before the body", s.SubmitCase}, {"withdraw", "Withdraw a case", s.WithdrawCase}} {
		huma.Register(a, op(v.id+"-case", http.MethodPost, "/cases/{case}/"+v.id, "cases", v.summary),
			func(ctx context.Context, in *struct {
				api.Keyed
				CasePath
				Body api.Changing
			}) (*api.Written[string], error) {
				receipt, err := v.do(ctx, in.Body.Origin(ctx, in.Keyed), in.Case)
				return api.Wrote(in.Case, receipt, err)
			})
	}
}

func (s *Service) caseView(ctx context.Context, in *CasePath) (CaseView, error) {
	tx := s.store.View(ctx)
	rec, err := find(tx, cases, unknownCase(in.Case), in.Case)
	if err != nil {
		return CaseView{}, err
	}
	said, err := getRemarks(tx, in.Case)
	return CaseView{Revision: rec.Revision, Value: rec.Value, Missing: append([]string{}, rec.Value.Missing()...), Remarks: said}, err
}

// CaseVersion names a version of a case.
type CaseVersion struct {
	CasePath
	Version string `path:"version" maxLength:"6" doc:"Number of the version, from 1."`
}

func (s *Service) caseChanges(ctx context.Context, in *CaseVersion) (api.List[Line], error) {
	version, err := strconv.Atoi(in.Version)
	if err != nil || version < 1 {
		return api.List[Line]{}, bad("/version", in.Version, "a version is a number from 1")
	}
	list, err := s.CaseChanges(ctx, in.Case, version)
	return api.List[Line]{Items: list}, err
}

func (s *Service) remarkRoutes(a huma.API) {
	huma.Register(a, op("say", http.MethodPost, "/cases/{case}/remarks", "cases", "Comment on a case, ask, answer, state a position, object"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CasePath
			Body struct {
				api.Changing
				Kind  RemarkKind `json:"kind" enum:"comment,statement,question,answer,support,concern,objection"`
				Under string     `json:"under,omitempty" maxLength:"64" doc:"The remark it replies to."`
				Text  string     `json:"text"`
			}
		}) (*api.Written[string], error) {
			b := in.Body
			id, receipt, err := s.Say(ctx, b.Origin(ctx, in.Keyed), Remark{Case: in.Case, Kind: b.Kind, Under: b.Under, Text: b.Text})
			return api.Wrote(id, receipt, err)
		})
	huma.Register(a, op("resolve-objection", http.MethodPost, "/cases/{case}/remarks/{remark}/resolve", "cases", "Withdraw one's own objection, saying how it was met"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CasePath
			Remark string `path:"remark" maxLength:"64"`
			Body   api.Changing
		}) (*api.Written[string], error) {
			receipt, err := s.Resolve(ctx, in.Body.Origin(ctx, in.Keyed), in.Case, in.Remark)
			return api.Wrote(in.Remark, receipt, err)
		})
}

func (s *Service) afterRoutes(a huma.API) {
	reading(a, op("list-notes", http.MethodGet, "/capabilities/{capability}/notes", "notes", "List what regions have learned with a capability"),
		func(ctx context.Context, in *struct {
			Capability string `path:"capability" maxLength:"128"`
		}) (api.List[api.Stored[Note]], error) {
			tx := s.store.View(ctx)
			if _, _, err := s.flags.Capability(tx, in.Capability); err != nil {
				return api.List[api.Stored[Note]]{}, err
			}
			recs, err := all(tx, notes, in.Capability)
			return api.List[api.Stored[Note]]{Items: api.StoredAll(recs)}, err
		})
	huma.Register(a, op("share-note", http.MethodPost, "/regions/{region}/notes/{capability}", "notes", "Tell the other regions what one has learned"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Region     string `path:"region" maxLength:"64"`
			Capability string `path:"capability" maxLength:"128"`
			Body       struct {
				api.Changing
				Configured string `json:"configured"`
				Learned    string `json:"learned"`
				Measured   string `json:"measured,omitempty"`
			}
		}) (*api.Written[string], error) {
			b := in.Body
			id, receipt, err := s.ShareNote(ctx, b.Origin(ctx, in.Keyed), Note{Region: in.Region, Capability: in.Capability, Configured: b.Configured, Learned: b.Learned, Measured: b.Measured})
			return api.Wrote(id, receipt, err)
		})
	listing(a, op("list-concerns", http.MethodGet, "/concerns", "concerns", "List the concerns about live capabilities"), s, concerns)
	huma.Register(a, op("raise-concern", http.MethodPost, "/regions/{region}/concerns", "concerns", "Report a concern about a live capability"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Region string `path:"region" maxLength:"64"`
			Body   struct {
				api.Changing
				Capability string `json:"capability" maxLength:"128"`
				Severity   string `json:"severity" enum:"safety,serious,minor"`
				Text       string `json:"text" doc:"What happened, without naming a patient."`
			}
		}) (*api.Written[string], error) {
			b := in.Body
			id, receipt, err := s.RaiseConcern(ctx, b.Origin(ctx, in.Keyed), Concern{Region: in.Region, Capability: b.Capability, Severity: b.Severity, Text: b.Text})
			return api.Wrote(id, receipt, err)
		})
	huma.Register(a, op("triage-concern", http.MethodPost, "/regions/{region}/concerns/{concern}/triage", "concerns", "Say what is done about a concern"),
		func(ctx context.Context, in *struct {
			api.Keyed
			Region  string `path:"region" maxLength:"64"`
			Concern string `path:"concern" maxLength:"64"`
			Body    struct {
				api.Changing
				Verdict Verdict `json:"verdict" enum:"turned_off,changed,watched,no_change"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.TriageConcern(ctx, in.Body.Origin(ctx, in.Keyed), in.Region, in.Concern, in.Body.Verdict)
			return api.Wrote(in.Concern, receipt, err)
		})
	listing(a, op("list-reviews", http.MethodGet, "/reviews", "reviews", "List the outcome reviews"), s, reviews)
	huma.Register(a, op("write-review", http.MethodPut, "/cases/{case}/review", "reviews", "Record how a funded case turned out"),
		func(ctx context.Context, in *struct {
			api.Keyed
			CasePath
			Body struct {
				api.Changing
				Lines   []Measured `json:"lines" nullable:"false"`
				Harms   string     `json:"harms"`
				Verdict string     `json:"verdict" enum:"keep,change,retire"`
			}
		}) (*api.Written[string], error) {
			receipt, err := s.WriteReview(ctx, in.Body.Origin(ctx, in.Keyed), Review{Case: in.Case, Lines: in.Body.Lines, Harms: in.Body.Harms, Verdict: in.Body.Verdict})
			return api.Wrote(in.Case, receipt, err)
		})
}
