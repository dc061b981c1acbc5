package server_test

import "maps"

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
