package server_test

import (
	"maps"

	"github.com/quorate/quorate/internal/identity"
)

const charterJSON = `{"seats":[{"key":"a","name":"A","voting":true}],"chair":"a","physician_led":false,"quorum":{"members":"1/2","strict":true},
	"movers":["voting"],"need_second":true,"motions":{"charter":{"threshold":"two_thirds"}},"close_when_all_voted":false,
	"without_quorum":"lost","recused_in_quorum":false,"objections":"noted","owns":[]}`

// The rows of governance in the table of mutations.
func init() {
	const reason = `{"reason":"test"}`
	maps.Copy(mutations, map[string]struct{ path, body string }{
		"found-body": {"/api/v1/bodies", `{"reason":"test","body":{"key":"strategy","name":"Strategy","charter":` + charterJSON + `},
			"occupants":[{"seat":"a","person":{"id":"person:a","name":"A"},"place":"holder"}]}`},
		"set-secretary":        {"/api/v1/bodies/strategy/secretary", `{"reason":"test","person":{"id":"person:s","name":"S"}}`},
		"appoint":              {"/api/v1/bodies/strategy/seats/a", `{"reason":"test","person":{"id":"person:a","name":"A"},"place":"holder"}`},
		"vacate-seat":          {"/api/v1/bodies/strategy/seats/a/vacate", `{"reason":"test","person":"person:a"}`},
		"resign-seat":          {"/api/v1/bodies/strategy/seats/a/resign", reason},
		"set-cycle":            {"/api/v1/cycles/2027", `{"reason":"test","value":{"body":"strategy","name":"2027","currency":"USD","phases":[{"phase":"needs","from":"2027-01-01","to":"2027-02-01"}]}}`},
		"rank-needs":           {"/api/v1/cycles/2027/orders/co", `{"reason":"test","needs":["n-1"]}`},
		"raise-need":           {"/api/v1/needs", `{"reason":"test","cycle":"2027","region":"co","title":"T","text":"T"}`},
		"sponsor-need":         {"/api/v1/needs/n-1/sponsor", reason},
		"withdraw-need":        {"/api/v1/needs/n-1/withdraw", reason},
		"merge-need":           {"/api/v1/needs/n-1/merge", `{"reason":"test","into":"n-2"}`},
		"answer-need":          {"/api/v1/needs/n-1/answer", `{"reason":"test","cases":["refill"]}`},
		"write-case":           {"/api/v1/cases/refill", `{"reason":"test","value":{"cycle":"2027","title":"T","goal":"","problem":"","benefits":"","cost":{"low":0,"expected":0,"high":0},"regions":{},"impact":[],"harms":[],"evidence":"","outlook":""}}`},
		"submit-case":          {"/api/v1/cases/refill/submit", reason},
		"withdraw-case":        {"/api/v1/cases/refill/withdraw", reason},
		"say":                  {"/api/v1/cases/refill/remarks", `{"kind":"comment","text":"T"}`},
		"resolve-objection":    {"/api/v1/cases/refill/remarks/r-1/resolve", reason},
		"write-review":         {"/api/v1/cases/refill/review", `{"reason":"test","lines":[],"harms":"None.","verdict":"keep"}`},
		"share-note":           {"/api/v1/regions/co/notes/video_visit", `{"configured":"C","learned":"L"}`},
		"raise-concern":        {"/api/v1/regions/co/concerns", `{"capability":"video_visit","severity":"minor","text":"T"}`},
		"triage-concern":       {"/api/v1/regions/co/concerns/c-1/triage", `{"reason":"test","verdict":"watched"}`},
		"move":                 {"/api/v1/motions", `{"body":"strategy","kind":"resolution","title":"T","text":"T","subject":{}}`},
		"second-motion":        {"/api/v1/motions/m-1/second", reason},
		"amend-motion":         {"/api/v1/motions/m-1/amend", `{"reason":"test","title":"T","text":"T","subject":{}}`},
		"withdraw-motion":      {"/api/v1/motions/m-1/withdraw", reason},
		"postpone-motion":      {"/api/v1/motions/m-1/postpone", `{"reason":"test","until":"2099-01-01"}`},
		"recuse-motion":        {"/api/v1/motions/m-1/recuse", reason},
		"open-motion":          {"/api/v1/motions/m-1/open", `{"closes":"2099-01-01T00:00:00Z"}`},
		"close-motion":         {"/api/v1/motions/m-1/close", reason},
		"settle-motion":        {"/api/v1/motions/m-1/settle", reason},
		"challenge-motion":     {"/api/v1/motions/m-1/challenge", reason},
		"rule-on-challenge":    {"/api/v1/motions/m-1/rule-on-challenge", `{"reason":"test","upheld":true}`},
		"sign-for-plan-motion": {"/api/v1/motions/m-1/sign-for-plan", reason},
		"cast-ballot":          {"/api/v1/motions/m-1/ballots/a", `{"vote":"yes"}`},
	})
}

// Who may try what in governance. A role lets somebody try; which seat they hold,
// and what its charter lets that seat do, is said after it: so what is asked for
// here names bodies, motions and cases that there are not.
func init() {
	maps.Copy(samples, map[string]string{"body": "nobody", "seat": "a", "cycle": "2027", "need": "n-1", "case": "refill", "version": "1",
		"motion": "m-1", "remark": "r-1", "concern": "c-1"})
	var (
		seated     = []identity.Role{identity.Chair, identity.Member}
		presiding  = []identity.Role{identity.Chair, identity.Secretary}
		body       = append([]identity.Role{identity.Secretary}, seated...)
		movers     = append([]identity.Role{identity.Contributor}, body...)
		writers    = append([]identity.Role{identity.RegionalLead}, movers...)
		reviewers  = append([]identity.Role{identity.RegionalLead}, body...)
		speakers   = append([]identity.Role{identity.ClinicalSafety, identity.Compliance, identity.Counsel, identity.HealthPlan}, writers...)
		witnesses  = append([]identity.Role{identity.RegionalLead, identity.ClinicalSafety, identity.Compliance, identity.Contributor}, seated...)
		triers     = []identity.Role{identity.RegionalLead, identity.ClinicalSafety}
		timekeeper = append([]identity.Role{identity.Operator}, presiding...) // of what is due, and of nothing else
	)
	for _, path := range []string{"/bodies", "/bodies/{body}", "/capabilities/{capability}/notes", "/cases", "/cases/{case}",
		"/cases/{case}/versions/{version}/changes", "/concerns", "/cycles", "/cycles/{cycle}", "/cycles/{cycle}/answers", "/cycles/{cycle}/orders", "/cycles/{cycle}/report", "/motions",
		"/motions/{motion}", "/motions/{motion}/ballots", "/motions/{motion}/count", "/motions/{motion}/export", "/motions/{motion}/paper",
		"/needs", "/needs/{need}", "/reviews"} {
		rights["GET /api/v1"+path] = right{who: readers, where: anywhere}
	}
	maps.Copy(rights, map[string]right{
		// One that cannot stand: the body that would is of no use to the other rows.
		"POST /api/v1/bodies": {who: operators, where: everywhere,
			body: `{"reason":"test","body":{"key":"none","name":"None","charter":{"seats":[],"chair":"a","physician_led":false,"quorum":{"members":"1/2","strict":true},
				"movers":[],"need_second":true,"motions":{},"close_when_all_voted":false,"without_quorum":"lost","recused_in_quorum":false,"objections":"noted","owns":[]}},"occupants":[]}`},
		"PUT /api/v1/bodies/{body}/secretary":            {who: presiding, where: anywhere},
		"PUT /api/v1/bodies/{body}/seats/{seat}":         {who: presiding, where: anywhere},
		"POST /api/v1/bodies/{body}/seats/{seat}/vacate": {who: presiding, where: anywhere},
		"POST /api/v1/bodies/{body}/seats/{seat}/resign": {who: seated, where: anywhere},

		"PUT /api/v1/cycles/{cycle}":                 {who: presiding, where: anywhere},
		"PUT /api/v1/cycles/{cycle}/orders/{region}": {who: leads, where: there},
		"POST /api/v1/needs":                         {who: writers, where: anywhere},
		"POST /api/v1/needs/{need}/sponsor":          {who: writers, where: anywhere},
		"POST /api/v1/needs/{need}/withdraw":         {who: writers, where: anywhere},
		"POST /api/v1/needs/{need}/merge":            {who: body, where: anywhere},
		"POST /api/v1/needs/{need}/answer":           {who: body, where: anywhere},

		"PUT /api/v1/cases/{case}":                                {who: writers, where: anywhere},
		"POST /api/v1/cases/{case}/submit":                        {who: writers, where: anywhere},
		"POST /api/v1/cases/{case}/withdraw":                      {who: writers, where: anywhere},
		"POST /api/v1/cases/{case}/remarks":                       {who: speakers, where: anywhere},
		"POST /api/v1/cases/{case}/remarks/{remark}/resolve":      {who: speakers, where: anywhere},
		"PUT /api/v1/cases/{case}/review":                         {who: reviewers, where: anywhere},
		"POST /api/v1/regions/{region}/notes/{capability}":        {who: leads, where: there},
		"POST /api/v1/regions/{region}/concerns":                  {who: witnesses, where: anywhere},
		"POST /api/v1/regions/{region}/concerns/{concern}/triage": {who: triers, where: there},

		"POST /api/v1/motions":                            {who: movers, where: anywhere},
		"POST /api/v1/motions/{motion}/second":            {who: seated, where: anywhere},
		"POST /api/v1/motions/{motion}/amend":             {who: body, where: anywhere},
		"POST /api/v1/motions/{motion}/withdraw":          {who: body, where: anywhere},
		"POST /api/v1/motions/{motion}/postpone":          {who: body, where: anywhere},
		"POST /api/v1/motions/{motion}/recuse":            {who: seated, where: anywhere},
		"POST /api/v1/motions/{motion}/open":              {who: presiding, where: anywhere},
		"POST /api/v1/motions/{motion}/close":             {who: timekeeper, where: anywhere},
		"POST /api/v1/motions/{motion}/settle":            {who: timekeeper, where: anywhere},
		"POST /api/v1/motions/{motion}/challenge":         {who: seated, where: anywhere},
		"POST /api/v1/motions/{motion}/rule-on-challenge": {who: []identity.Role{identity.Chair}, where: anywhere},
		"POST /api/v1/motions/{motion}/sign-for-plan":     {who: []identity.Role{identity.HealthPlan}, where: anywhere},
		"PUT /api/v1/motions/{motion}/ballots/{seat}":     {where: everywhere}, // people alone, who have just signed in
	})
}
