package ui

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/identity"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// accessPages are the pages of this file's rooms, each filled so that every branch
// of its template is taken by one of them.
func accessPages() map[string]Page {
	who := &Who{Name: "Colorado regional lead", Roles: []string{"Regional lead for co"}}
	frame := func(title string) Frame {
		return Frame{Title: title, Notice: "Made-up data.", Who: who, Area: "access", places: map[string]string{"co": "Colorado"}}
	}
	lead := access.Profile{ID: "person:aaaaaaaaaaaaaaaa", Name: "Colorado regional lead", Kind: "person", State: "live", LastSeen: &noon,
		Held: []access.Held{{Role: identity.RegionalLead, Regions: []string{"co"}, Why: "member of the group co-leads"}},
		May:  []access.Power{{Action: identity.Answer, Says: "answer an offer", Regions: []string{"co"}, By: []string{"regional_lead(co)"}}}}
	evil := access.Profile{ID: "person:bbbbbbbbbbbbbbbb", Name: `<script>alert("x")</script>`, Kind: "person", State: "disabled"}
	actions := []identity.Action{identity.Answer, identity.TurnOff}
	return map[string]Page{
		"home-nobody":  &Home{Frame: Frame{Title: "Welcome"}, CanSignIn: true, Why: "You were away."},
		"home-no-door": &Home{Frame: Frame{Title: "Welcome"}},
		"home": &Home{Frame: frame("Home"), Profile: &lead, SignedIn: noon, Now: noon.Add(10 * time.Minute), Reads: true, Last: noon.Add(-26 * time.Hour),
			Waits: []TaskGroup{{Title: "To answer", More: 3, All: "/board?state=ask", Tasks: []Task{{Title: "Bills in Colorado", Path: "/a", Says: "Off.", Due: noon, Urgent: true}, {Title: "Visits", Path: "/b"}}}},
			News:  []News{{At: noon, By: "Auditor", What: "Answer an offer", Reason: "<b>", Path: "/record/x"}}},
		"home-quiet":      &Home{Frame: frame("Home"), Profile: &lead, SignedIn: noon, Now: noon, Reads: true},
		"home-no-role":    &Home{Frame: frame("Home"), Profile: &evil, SignedIn: noon, Now: noon},
		"signin":          &SignIn{Frame: Frame{Title: "Sign in", Bare: true}, CanSignIn: true, ReturnTo: "/access?a=b&c=d", Why: "You were away."},
		"signin-no-door":  &SignIn{Frame: Frame{Title: "Sign in", Bare: true}},
		"confirm":         &Confirm{Frame: Frame{Title: "Confirm it is you", Bare: true, Who: who}, What: "delegate a role", Minutes: 5, ReturnTo: "/access/delegate"},
		"problem":         &Problem{Frame: Frame{Title: "You may not do this"}, Status: 403, Says: "The lead may not", Do: "ask another", RequestID: "r-1", Again: "/sign-in/begin"},
		"access-disabled": &Access{Frame: frame("x"), Profile: evil, Actions: actions},
		"access": &Access{Frame: frame("Access"), Profile: lead, Own: true, MayDelegate: true, Actions: actions, Done: "The role is delegated.", People: []access.Profile{evil},
			Delegations: []DelegationRow{{Delegation: access.Delegation{ID: "d1", FromAs: "Colorado regional lead", Role: identity.RegionalLead, Region: "co",
				Expires: noon, Reason: "On leave"}, ToName: "Auditor", MayEnd: true, Key: "k1"}}},
		"whocan": &WhoCan{Frame: frame("Who"), Action: identity.Answer, Says: "answer an offer", Region: "co", Actions: actions,
			Holders: []access.Holder{{ID: "group:x", Name: "x", Kind: "group", By: []string{"regional_lead(co)"}}, {ID: lead.ID, Name: lead.Name, Kind: "person", By: []string{"regional_lead(co)"}}}},
		"whocan-nobody":   &WhoCan{Frame: frame("Who"), Action: identity.Answer, Says: "answer an offer"},
		"delegate-nobody": &Delegate{Frame: frame("Delegate")},
		"delegate": &Delegate{Frame: frame("Delegate"), Choices: []RoleChoice{{"regional_lead co", "Regional lead for co"}}, People: []access.Profile{lead}, Key: "k1",
			Entered: DelegateForm{Role: "regional_lead co", To: lead.ID, Until: "2026-12-01", Reason: `"><img src=x>`}, Error: &FormError{Field: "expires", Says: "It is over", Do: "Choose a day"}},
		"commandline": &CommandLine{Frame: Frame{Title: "Let it", Bare: true, Who: who, FormsTo: "http://127.0.0.1:4000"}, Challenge: "c", State: "s", Port: 4000, Ends: noon},
		"accounts": &Accounts{Frame: Frame{Title: "Choose", Bare: true, FormsTo: "http://127.0.0.1:8080"}, Action: "/choose", Request: "r1", Again: true,
			Accounts: []DemoAccount{{"co-lead", "Colorado regional lead", "Region co"}}},
	}
}

// Each page is kept as it is; QUORATE_UPDATE=1 writes them anew.
func TestPagesAreKept(t *testing.T) {
	for name, p := range allPages() {
		got, err := Render(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		plain := regexp.MustCompile(`-[0-9a-f]{16}\.`).ReplaceAllString(string(got), "-DIGEST.")
		file := filepath.Join("testdata", "pages", name+".html")
		if os.Getenv("QUORATE_UPDATE") == "1" {
			if err := os.WriteFile(file, []byte(plain), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), plain); diff != "" {
			t.Errorf("%s (look at it, then run with QUORATE_UPDATE=1):\n%s", name, diff)
		}
	}
}

// module is how a page brings its script: from this server, by the digest of it.
var module = regexp.MustCompile(`<script type="module" src="/static/[a-z]+-[0-9a-f]{16}\.js"></script>`)

var inline = regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:|<img src=x`)

// What the policy forbids is on no page, whatever people are called.
func TestNothingInlineIsOnAPage(t *testing.T) {
	for name, p := range allPages() {
		got, err := Render(p)
		if err != nil {
			t.Fatal(err)
		}
		got = module.ReplaceAll(got, nil)
		if found := inline.FindString(string(got)); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
		if n := strings.Count(string(got), "<h1"); n != 1 {
			t.Errorf("%s has %d headings of the first order", name, n)
		}
	}
}

func TestWhatIsSentWithAPage(t *testing.T) {
	w := httptest.NewRecorder()
	if err := Write(w, httptest.NewRequest("GET", "/", nil), 200, accessPages()["commandline"]); err != nil {
		t.Fatal(err)
	}
	csp := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self' http://127.0.0.1:4000;", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%q, %q", csp, w.Header().Get("Cache-Control"))
	}
	css, err := assetPath("quorate.css")
	if err != nil || !strings.Contains(w.Body.String(), css) {
		t.Errorf("the page does not name the stylesheet by its digest %s, %v", css, err)
	}
	w = httptest.NewRecorder()
	Assets().ServeHTTP(w, httptest.NewRequest("GET", css, nil))
	if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the stylesheet: %d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	Assets().ServeHTTP(w, httptest.NewRequest("GET", "/static/../page.go", nil))
	if w.Code != 404 {
		t.Errorf("a file that is none: %d", w.Code)
	}
}
