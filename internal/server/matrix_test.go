package server_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	evaluationv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	evaluationv2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// Who may come in where: every route of the server, every role, granted for
// Colorado, for Hawaii, or for all regions. What the target of a route is in a
// region, it is in Colorado.
//
// TO ADD A ROUTE: add a row under its method and pattern, as the test that fails
// names them. who lists the roles that may; where says for which regions they
// must hold the role; path and body are needed only where the sample values
// below, and the table of mutations, do not do. The table is written by hand on
// purpose: it says again, apart from identity, who may do what.

// reach says for which regions a role must be held.
type reach int

const (
	there      reach = iota // in Colorado
	everywhere              // in all regions
	anywhere                // in any: what one region decides is open to all who may read
	open                    // nobody needs a credential
)

type right struct {
	who   []identity.Role
	where reach
	path  string // "": the pattern with the samples
	body  string
}

var (
	everybody = identity.Roles
	// readers are all but the services: they evaluate, and read nothing else.
	readers    = without(everybody, identity.Service)
	recorders  = without(readers, identity.Contributor) // who may read the record
	evaluators = []identity.Role{identity.Operator, identity.RegionalLead, identity.ClinicalSafety, identity.Compliance, identity.Auditor, identity.Service}
	breakers   = []identity.Role{identity.Operator, identity.RegionalLead, identity.ClinicalSafety, identity.Compliance} // who may turn off
	operators  = []identity.Role{identity.Operator}
	leads      = []identity.Role{identity.RegionalLead}
	// lenders may end what was lent.
	lenders = []identity.Role{identity.Operator, identity.RegionalLead, identity.ClinicalSafety, identity.Compliance, identity.Counsel, identity.HealthPlan}
	lawyers = []identity.Role{identity.Compliance, identity.Counsel}
	keepers = []identity.Role{identity.Operator, identity.RegionalLead} // of a region's own records
	// signers may be asked for a sign-off, authors may have proposed something. What
	// they may do about one change its rules and its author say; the sample is none.
	signers = append([]identity.Role{identity.Chair}, lenders...)
	authors = append([]identity.Role{identity.Secretary, identity.Member, identity.Contributor}, signers...)
)

func without(roles []identity.Role, not ...identity.Role) []identity.Role {
	return slices.DeleteFunc(slices.Clone(roles), func(r identity.Role) bool { return slices.Contains(not, r) })
}

// samples stand for what a pattern leaves open. KEY is an entry of Colorado.
var samples = map[string]string{"region": "co", "capability": "video_visit", "facility": "co-1", "key": "KEY", "id": "TOKEN", "freeze": "year_end", "digest": "000000", "rule": "X", "change": "01930000-0000-7000-8000-000000000000"}

var rights = map[string]right{
	"GET /healthz":               {where: open},
	"HEAD /healthz":              {where: open},
	"GET /readyz":                {where: open},
	"HEAD /readyz":               {where: open},
	"GET /metrics":               {where: open},
	"GET /api/v1/openapi.json":   {where: open},
	"GET /api/v1/openapi.yaml":   {where: open},
	"GET /api/v1/whoami":         {who: everybody, where: anywhere},
	"POST /api/v1/introspect":    {who: everybody, where: anywhere},
	"GET /api/v1/regions":        {who: readers, where: anywhere},
	"GET /api/v1/capabilities":   {who: readers, where: anywhere},
	"GET /api/v1/offers":         {who: readers, where: anywhere},
	"GET /api/v1/baselines":      {who: readers, where: anywhere},
	"GET /api/v1/board":          {who: readers, where: anywhere},
	"GET /api/v1/drift":          {who: readers, where: anywhere},
	"GET /api/v1/tokens":         {who: []identity.Role{identity.Operator, identity.Auditor}, where: everywhere},
	"POST /api/v1/tokens":        {who: operators, where: everywhere},
	"GET /api/v1/outcomes/{key}": {who: everybody, where: anywhere, path: "/api/v1/outcomes/01930000-0000-7000-8000-000000000000"},

	"GET /api/v1/regions/{region}":                                    {who: readers, where: anywhere},
	"PUT /api/v1/regions/{region}":                                    {who: operators, where: there},
	"GET /api/v1/regions/{region}/facilities":                         {who: readers, where: anywhere},
	"GET /api/v1/regions/{region}/facilities/{facility}":              {who: readers, where: anywhere},
	"PUT /api/v1/regions/{region}/facilities/{facility}":              {who: keepers, where: there},
	"GET /api/v1/regions/{region}/enablements":                        {who: readers, where: anywhere},
	"GET /api/v1/regions/{region}/enablements/{capability}":           {who: readers, where: anywhere},
	"PUT /api/v1/regions/{region}/enablements/{capability}":           {who: leads, where: there},
	"POST /api/v1/regions/{region}/enablements/{capability}/off":      {who: breakers, where: there},
	"POST /api/v1/regions/{region}/enablements/{capability}/baseline": {who: leads, where: there},
	"POST /api/v1/regions/{region}/explain/{capability}":              {who: readers, where: anywhere, body: `{"context":{}}`},
	"GET /api/v1/regions/{region}/freezes":                            {who: readers, where: anywhere},
	"PUT /api/v1/regions/{region}/freezes/{freeze}":                   {who: keepers, where: there},
	"POST /api/v1/regions/{region}/freezes/{freeze}/end":              {who: keepers, where: there},
	"GET /api/v1/capabilities/{capability}":                           {who: readers, where: anywhere},
	"PUT /api/v1/capabilities/{capability}":                           {who: operators, where: everywhere},
	"GET /api/v1/offers/{capability}":                                 {who: readers, where: anywhere},
	"PUT /api/v1/offers/{capability}":                                 {who: operators, where: everywhere},
	"POST /api/v1/offers/{capability}/withdraw":                       {who: operators, where: everywhere},
	"GET /api/v1/baselines/{capability}":                              {who: readers, where: anywhere},
	"PUT /api/v1/baselines/{capability}":                              {who: operators, where: everywhere},
	"POST /api/v1/tokens/{id}/revoke":                                 {who: operators, where: everywhere},

	"GET /api/v1/tokens/{id}":                  {who: []identity.Role{identity.Operator, identity.Auditor}, where: everywhere},
	"POST /api/v1/tokens/{id}/rotate":          {who: operators, where: everywhere},
	"GET /api/v1/access/groups":                {who: readers, where: anywhere},
	"PUT /api/v1/access/groups":                {who: operators, where: everywhere},
	"GET /api/v1/access/people":                {who: readers, where: anywhere},
	"POST /api/v1/access/people/{id}/disable":  {who: []identity.Role{identity.Operator, identity.Compliance}, where: everywhere},
	"POST /api/v1/access/people/{id}/enable":   {who: operators, where: everywhere},
	"GET /api/v1/access/principals/{id}":       {who: readers, where: anywhere}, // oneself: everybody
	"GET /api/v1/access/actions/{action}":      {who: readers, where: anywhere, path: "/api/v1/access/actions/evaluate?region=co"},
	"GET /api/v1/access/delegations":           {who: readers, where: anywhere},
	"POST /api/v1/access/delegations":          {where: everywhere}, // people alone, who have just signed in
	"POST /api/v1/access/delegations/{id}/end": {who: lenders, where: everywhere},
	"POST /api/v1/sign-in/token":               {where: open}, // whoever has the code
	"POST /api/v1/sign-out":                    {who: everybody, where: anywhere},

	"GET /api/v1/policy":                          {who: readers, where: anywhere},
	"GET /api/v1/policy/bundles":                  {who: readers, where: anywhere},
	"GET /api/v1/policy/bundles/{digest}":         {who: readers, where: anywhere},
	"GET /api/v1/policy/bundles/{digest}/preview": {who: readers, where: anywhere},
	"GET /api/v1/policy/halts":                    {who: readers, where: anywhere},
	"GET /api/v1/policy/forecast":                 {who: readers, where: anywhere, path: "/api/v1/policy/forecast?until=" + nextYear()},
	"GET /api/v1/policy/rules/{id}":               {who: readers, where: anywhere},
	"GET /api/v1/evidence":                        {who: readers, where: anywhere},
	"GET /api/v1/evidence/{id}":                   {who: readers, where: anywhere},
	"GET /api/v1/waivers":                         {who: readers, where: anywhere},
	"GET /api/v1/waivers/{id}":                    {who: readers, where: anywhere},
	"POST /api/v1/policy/bundles":                 {who: []identity.Role{identity.Operator, identity.RegionalLead, identity.Compliance, identity.Counsel}, where: everywhere},
	"POST /api/v1/policy/activate":                {who: lawyers, where: everywhere},
	"POST /api/v1/policy/rollback":                {who: lawyers, where: everywhere},
	"PUT /api/v1/policy/opinions/{rule}":          {who: []identity.Role{identity.Counsel}, where: everywhere},
	"POST /api/v1/waivers":                        {who: []identity.Role{identity.Compliance}, where: everywhere},
	"POST /api/v1/waivers/{id}/revoke":            {who: lawyers, where: everywhere},
	"POST /api/v1/evidence":                       {who: []identity.Role{identity.RegionalLead, identity.Compliance, identity.Counsel}, where: there},
	"POST /api/v1/evidence/{id}/revoke":           {who: []identity.Role{identity.RegionalLead, identity.Compliance, identity.Counsel}, where: anywhere}, // there is none: who may, is told so

	// Pages. Those that a token is not let in to are for people who signed in.
	"GET /":                             {where: open},
	"GET /static/{file}":                {where: open},
	"GET /sign-in":                      {where: open},
	"GET /sign-in/begin":                {where: open},
	"GET /sign-in/callback":             {where: open},
	"GET /sign-in/command-line":         {where: everywhere},
	"POST /sign-in/command-line":        {where: everywhere},
	"POST /sign-out":                    {where: open}, // who is not signed in is signed out
	"POST /sign-out/everywhere":         {where: everywhere},
	"GET /access":                       {who: readers, where: anywhere},
	"GET /access/{id}":                  {who: readers, where: anywhere},
	"GET /access/who":                   {who: readers, where: anywhere, path: "/access/who?action=evaluate"},
	"GET /access/delegate":              {where: everywhere},
	"POST /access/delegate":             {where: everywhere},
	"POST /access/delegations/{id}/end": {who: lenders, where: everywhere},

	"GET /board":                     {who: readers, where: anywhere},
	"GET /capabilities/{capability}": {who: readers, where: anywhere},
	"GET /regions/{region}/capabilities/{capability}":           {who: readers, where: anywhere},
	"POST /regions/{region}/capabilities/{capability}/try":      {who: readers, where: anywhere},
	"GET /regions/{region}/capabilities/{capability}/answer":    {who: leads, where: there},
	"POST /regions/{region}/capabilities/{capability}/answer":   {who: leads, where: there},
	"GET /regions/{region}/capabilities/{capability}/turn-off":  {who: breakers, where: there},
	"POST /regions/{region}/capabilities/{capability}/turn-off": {who: breakers, where: there},

	"GET /events":                            {who: readers, where: anywhere},
	"GET /changes":                           {who: readers, where: anywhere}, // each sees what it may
	"GET /changes/{change}":                  {who: readers, where: anywhere},
	"GET /changes/{change}/sign":             {who: signers, where: anywhere},
	"POST /changes/{change}/sign":            {who: signers, where: anywhere},
	"POST /changes/{change}/decline":         {who: signers, where: anywhere},
	"POST /changes/{change}/request-changes": {who: signers, where: anywhere},
	"POST /changes/{change}/rebase":          {who: authors, where: anywhere},
	"POST /changes/{change}/withdraw":        {who: authors, where: anywhere},
	"GET /policy":                            {who: readers, where: anywhere},
	"GET /policy/rules":                      {who: readers, where: anywhere},
	"GET /policy/rules/{rule}":               {who: readers, where: anywhere},
	"GET /policy/forecast":                   {who: readers, where: anywhere},
	"GET /policy/questions":                  {who: readers, where: anywhere},
	"POST /policy/questions/{rule}":          {who: []identity.Role{identity.Counsel}, where: everywhere},
	"GET /policy/bundles/{digest}":           {who: readers, where: anywhere},
	"POST /policy/bundles/{digest}":          {who: []identity.Role{identity.Operator, identity.RegionalLead, identity.Compliance, identity.Counsel}, where: anywhere}, // there is none: who may, is told so
	"GET /policy/evidence":                   {who: readers, where: anywhere},
	"POST /policy/evidence":                  {who: []identity.Role{identity.RegionalLead, identity.Compliance, identity.Counsel}, where: everywhere}, // a form that names no region is about all
	"POST /policy/evidence/{id}/revoke":      {who: []identity.Role{identity.RegionalLead, identity.Compliance, identity.Counsel}, where: anywhere},   // there is none: who may, is told so
	"GET /policy/waivers":                    {who: readers, where: anywhere},
	"POST /policy/waivers":                   {who: []identity.Role{identity.Compliance}, where: everywhere},
	"POST /policy/waivers/{id}/revoke":       {who: lawyers, where: everywhere},
	"GET /record":                            {who: recorders, where: anywhere}, // without a region: of the reader's own
	"GET /record/{key}":                      {who: recorders, where: there},
	"GET /record/{key}/proof":                {who: recorders, where: there},
	"GET /system":                            {who: readers, where: anywhere},
	"GET /system/tokens":                     {who: []identity.Role{identity.Operator, identity.Auditor}, where: everywhere},
	"POST /system/tokens":                    {who: operators, where: everywhere},
	"POST /system/tokens/{id}/revoke":        {who: operators, where: everywhere},

	"POST /api/v1/track": {who: []identity.Role{identity.Service}, where: there,
		body: `{"events":[{"capability":"video_visit","region":"co","event":"used"}]}`},
	"GET /api/v1/usage":                         {who: readers, where: there, path: "/api/v1/usage?region=co"},
	"GET /api/v1/regions/{region}/denominators": {who: readers, where: there},
	"PUT /api/v1/regions/{region}/denominator":  {who: leads, where: there},

	"GET /api/v1/changes":                           {who: readers, where: anywhere}, // each sees what it may
	"GET /api/v1/changes/{change}":                  {who: readers, where: anywhere},
	"POST /api/v1/changes/{change}/sign":            {who: signers, where: anywhere},
	"POST /api/v1/changes/{change}/decline":         {who: signers, where: anywhere},
	"POST /api/v1/changes/{change}/request-changes": {who: signers, where: anywhere},
	"POST /api/v1/changes/{change}/edit":            {who: authors, where: anywhere},
	"POST /api/v1/changes/{change}/rebase":          {who: authors, where: anywhere},
	"POST /api/v1/changes/{change}/withdraw":        {who: authors, where: anywhere},

	"GET /api/v1/audit":                     {who: recorders, where: there, path: "/api/v1/audit?region=co"},
	"GET /api/v1/audit/entries/{key}":       {who: recorders, where: there},
	"GET /api/v1/audit/entries/{key}/proof": {who: recorders, where: there},
	"GET /api/v1/audit/key":                 {who: everybody, where: anywhere},
	"POST /api/v1/audit/key/replace":        {where: everywhere}, // people alone, who have just signed in
	"GET /api/v1/audit/consistency":         {who: everybody, where: anywhere, path: "/api/v1/audit/consistency?from=1"},
	"GET /audit/log/checkpoint":             {who: everybody, where: anywhere}, // for all to keep
	"GET /audit/log/*":                      {who: recorders, where: everywhere, path: "/audit/log/tile/0/000.p/1"},

	"POST /api/v1/backup":         {who: operators, where: everywhere},
	"POST /api/v1/restore/accept": {who: operators, where: everywhere},

	// OFREP answers before the router.
	"POST /ofrep/v1/evaluate/flags":                        {who: evaluators, where: there, path: "/ofrep/v1/evaluate/flags?SELECT", body: `{"context":{}}`},
	"POST /ofrep/v1/evaluate/flags/{key}":                  {who: evaluators, where: there, path: "/ofrep/v1/evaluate/flags/video_visit?SELECT", body: `{"context":{}}`},
	"POST /regions/{region}/ofrep/v1/evaluate/flags":       {who: evaluators, where: there, body: `{"context":{}}`},
	"POST /regions/{region}/ofrep/v1/evaluate/flags/{key}": {who: evaluators, where: there, path: "/regions/co/ofrep/v1/evaluate/flags/video_visit", body: `{"context":{}}`},
	"GET /ofrep/v1/events":                                 {who: evaluators, where: there, path: "/ofrep/v1/events?SELECT"},
	"GET /regions/{region}/ofrep/v1/events":                {who: evaluators, where: there},
}

// flagdRights are those of flagd's protocols, with a token.
var flagdRights = map[protoreflect.FullName]right{
	"flagd.evaluation.v1.Service":   {who: evaluators, where: there},
	"flagd.evaluation.v2.Service":   {who: evaluators, where: there},
	"flagd.sync.v1.FlagSyncService": {who: evaluators, where: there},
}

// flagdExceptions are the methods that do not go by the region.
var flagdExceptions = map[protoreflect.FullName]right{
	"flagd.sync.v1.FlagSyncService.GetMetadata": {who: everybody, where: anywhere}, // tells nothing of any region
}

// passes says whether somebody who holds a role for a region comes in.
func (r right) passes(role identity.Role, region string) bool {
	if r.where == open {
		return true
	}
	reaches := r.where == anywhere || region == identity.Every || r.where == there && region == "co"
	return reaches && slices.Contains(r.who, role)
}

// notRouted are the routes that the router does not know of.
func notRouted(pattern string) bool { return strings.Contains(pattern, "/ofrep/") }

// matrixSite is a server on which every role has a token for each coverage.
type matrixSite struct {
	*site
	tokens map[identity.Role]map[string]string // by role and region
	key    string                              // of an entry of the record, about Colorado
}

func newMatrixSite(t *testing.T) *matrixSite {
	s := &matrixSite{site: newSite(t, t.TempDir(), func(c *server.Config) { c.Flagd = server.Flagd{Listen: "127.0.0.1:0"} }),
		tokens: map[identity.Role]map[string]string{}}
	s.furnish()
	a := s.must(s.do("PUT", "/api/v1/regions/co/facilities/co-1", s.operator, mutations["set-facility"].body))
	s.key = a.body["receipt"].(object)["id"].(string)
	for _, role := range identity.Roles {
		s.tokens[role] = map[string]string{}
		for _, region := range []string{"co", "hi", identity.Every} {
			s.tokens[role][region] = s.token(string(role)+" "+region, role, region)
		}
	}
	return s
}

// routes is every route of the main listener.
func (s *matrixSite) routes() []string {
	var all []string
	err := s.Walk(func(method, pattern string) { all = append(all, method+" "+pattern) })
	if err != nil {
		s.t.Fatal(err)
	}
	for row := range rights {
		if notRouted(row) {
			all = append(all, row)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// request fills in what a row and the tables leave open.
func (s *matrixSite) request(route string, r right, ops []operation) (method, path, body string) {
	method, pattern, _ := strings.Cut(route, " ")
	path, body = r.path, r.body
	for _, op := range ops {
		if op.method+" "+op.path != route {
			continue
		}
		if m, ok := mutations[op.id]; ok {
			path, body = cmp.Or(path, m.path), cmp.Or(body, m.body)
		}
		if op.id == "set-capability" {
			raw, _ := json.Marshal(object{"value": capability("video_visit")}) // always encodes
			body = string(raw)
		}
	}
	if path == "" {
		path = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(pattern, func(p string) string { return samples[strings.Trim(p, "{}")] })
	}
	fill := strings.NewReplacer("KEY", s.key, "TOKEN", "aaaaaaaaaaaaaaaa", "EXPIRES", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	return method, fill.Replace(path), fill.Replace(body)
}

func TestEveryRoleOnEveryRouteInEveryRegion(t *testing.T) {
	s := newMatrixSite(t)
	routes, ops := s.routes(), operations(t, s.site)
	for _, route := range slices.Sorted(maps.Keys(rights)) {
		if !slices.Contains(routes, route) {
			t.Errorf("%s has a row, and is no route: remove the row from `rights` in internal/server/matrix_test.go", route)
		}
	}
	cells := 0
	for _, route := range routes {
		row, ok := rights[route]
		if !ok {
			t.Errorf("%s has no row: add it to `rights` in internal/server/matrix_test.go, with who may use it and where", route)
			continue
		}
		method, path, body := s.request(route, row, ops)
		if status := s.knock(method, path, body, ""); (status != 401) != (row.where == open) {
			t.Errorf("%s by nobody: %d", route, status)
		}
		for _, role := range identity.Roles {
			for region, token := range s.tokens[role] {
				status := s.knock(method, path, body, token)
				if in := status != 401 && status != 403; in != row.passes(role, region) || status >= 500 || !in && status != 403 {
					t.Errorf("%s by %s of %s: %d, want let in: %v", route, role, region, status, row.passes(role, region))
				}
				cells++
			}
		}
	}
	if cells < 36*40 {
		t.Errorf("only %d cells were looked at", cells)
	}
	t.Logf("%d routes, %d cells", len(routes), cells)
}

// knock sends a request and says what it was answered; of a stream, no more than
// that it began.
func (s *matrixSite) knock(method, path, body, token string) int {
	s.t.Helper()
	path, selected := strings.CutSuffix(path, "?SELECT")
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if selected {
		req.Header.Set("Flagd-Selector", "flagSetId=co")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // it does not follow where a page leads
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close() // what it says is tested elsewhere
	return resp.StatusCode
}

func TestEveryRoleOnFlagdsProtocolsInEveryRegion(t *testing.T) {
	s := newMatrixSite(t)
	cells := 0
	for _, method := range flagdMethods() {
		row, ok := flagdExceptions[method.FullName()]
		if !ok {
			row, ok = flagdRights[method.Parent().FullName()]
		}
		if !ok {
			t.Errorf("%s has no row: add its service to `flagdRights` in internal/server/matrix_test.go", method.FullName())
			continue
		}
		if code := s.call(method, `{}`, ""); code != "unauthenticated" {
			t.Errorf("%s by nobody: %q", method.FullName(), code)
		}
		for _, role := range identity.Roles {
			for region, token := range s.tokens[role] {
				code := s.call(method, `{}`, token)
				if in := code != "unauthenticated" && code != "permission_denied"; in != row.passes(role, region) || !in && code != "permission_denied" {
					t.Errorf("%s by %s of %s: %q, want let in: %v", method.FullName(), role, region, code, row.passes(role, region))
				}
				cells++
			}
		}
	}
	if cells < 36*10 {
		t.Errorf("only %d cells were looked at", cells)
	}
}

// flagdMethods is every method of flagd's protocols.
func flagdMethods() (all []protoreflect.MethodDescriptor) {
	for _, file := range []protoreflect.FileDescriptor{evaluationv1.File_flagd_evaluation_v1_evaluation_proto,
		evaluationv2.File_flagd_evaluation_v2_evaluation_proto, syncv1.File_flagd_sync_v1_sync_proto} {
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				all = append(all, file.Services().Get(i).Methods().Get(j))
			}
		}
	}
	return all
}

// call asks a method by Connect's protocol and returns the code of the error; ""
// if there is none.
func (s *matrixSite) call(method protoreflect.MethodDescriptor, message, token string) string {
	s.t.Helper()
	code, _ := callFlagd(s.t, s.FlagdAddr(), method, message, token)
	return code
}

// callFlagd returns the code, and the first part of what was answered.
func callFlagd(t testing.TB, address string, method protoreflect.MethodDescriptor, message, token string) (code, raw string) {
	t.Helper()
	contentType, body := "application/json", []byte(message)
	if method.IsStreamingServer() {
		contentType = "application/connect+json"
		body = append([]byte{0, 0, 0, byte(len(message) >> 8), byte(len(message))}, message...)
	}
	address = fmt.Sprintf("http://%s/%s/%s", address, method.Parent().FullName(), method.Name())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Flagd-Selector", "flagSetId=co")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Code  string `json:"code"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if !method.IsStreamingServer() || resp.Header.Get("Content-Type") == "application/json" {
		all, _ := io.ReadAll(resp.Body)  // what there is of it
		_ = json.Unmarshal(all, &answer) // an answer without an error has no code
		return answer.Code, string(all)
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, head); err != nil {
		t.Fatalf("%s: %v", method.FullName(), err)
	}
	first := make([]byte, int(head[1])<<24|int(head[2])<<16|int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatalf("%s: %v", method.FullName(), err)
	}
	if head[0]&2 != 0 { // the end, with what was wrong
		_ = json.Unmarshal(first, &answer)
	}
	return answer.Error.Code, string(first)
}
