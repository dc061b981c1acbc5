package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// asked is what a portal in Colorado is answered through OFREP, for a patient who is
// there and a clinician who is licensed there.
func (d *demoSite) asked(t *testing.T, capability string) bool {
	t.Helper()
	body := `{"context":{"targetingKey":"p1","action":"start","patient":{"age":44,"location_now":"US-CO"},"clinician":{"licenses":["US-CO"]}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/regions/co/ofrep/v1/evaluate/flags/"+capability, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.env["QUORATE_TOKEN_PORTAL"])
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Value   any    `json:"value"`
		Variant string `json:"variant"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	on, _ := answer.Value.(bool)
	t.Logf("%s: %v, %s", capability, answer.Value, answer.Variant)
	return on
}

// becomes waits until a portal is answered so.
func (d *demoSite) becomes(t *testing.T, capability string, on bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); d.asked(t, capability) != on; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s is still %v", capability, !on)
		}
	}
}

func (b *browser) write(field, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS("#"+field), text))
}

// follow follows the link of a page to an address.
func (b *browser) follow(path, heading string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`document.documentElement.dataset.left = ""`), chromedp.Click(chromedp.CSS(`main a[href="`+path+`"]`)))
	b.arrives(heading)
}

func (b *browser) leave() {
	b.t.Helper()
	b.press("Sign out", "Decide, regulate and serve")
}

// A regional lead turns a capability of no great risk on in six interactions, from the
// first page to done; a portal is answered so, and no longer once it is turned off.
func TestARegionalLeadTurnsItOnAndOff(t *testing.T) {
	axe := installAxe(t)
	site := newDemoSite(t)
	b := newBrowser(t, site.url)
	b.watch(axe)
	b.do(chromedp.EmulateViewport(320, 800))
	if site.asked(t, "video_visit") {
		t.Fatal("video visits are on before anybody turned them on")
	}
	b.enter("Colorado regional lead")
	b.open("/board?region=co&state=ask", "Board")
	b.follow("/regions/co/capabilities/video_visit", "Video visits") // 1
	b.press("Turn it on, or answer otherwise", "Video visits")       // 2
	b.write("reason", "Clinics are ready")                           // 3
	b.press("Continue", "Check your answer")                         // 4
	b.says("What regulation says", "US-CO", "Who must sign", "Nobody besides you")
	b.press("Turn it on", "Video visits") // 5
	b.says("Done. The answer is in force")
	site.becomes(t, "video_visit", true)

	b.press("Turn off now", "Turn off Video visits now?")
	b.write("reason", "Sound is lost in half of the visits")
	b.press("Turn off now", "Video visits")
	b.says("It is off")
	site.becomes(t, "video_visit", false)
}

// What is of high risk waits: two persons sign, each of whom finds it on the first
// page; one who asks for it cannot. Then it holds, and the record says who signed.
func TestWhatIsOfHighRiskIsSigned(t *testing.T) {
	axe := installAxe(t)
	site := newDemoSite(t)
	b := newBrowser(t, site.url)
	b.watch(axe)
	b.enter("Colorado regional lead")
	b.open("/regions/co/capabilities/bh_messaging/answer", "Messages with behavioral health")
	b.do(chromedp.Click(chromedp.CSS("#enable")))
	b.write("reason", "Therapists are paid for messages now")
	b.press("Continue", "Check your answer")
	b.says("Sign-off by Clinical safety for Colorado", "Sign-off by Compliance for Colorado")
	b.press("Turn it on", "Answer an offer: Messages with behavioral health in Colorado")
	b.says("Proposed.", "Missing", "Withdraw")
	b.leave()

	for i, who := range []string{"Clinical safety officer", "Compliance officer"} {
		b.enter(who)
		b.press("Home", "What waits for you")
		b.press("Answer an offer: Messages with behavioral health in Colorado", "Answer an offer")
		b.press("Sign off", "Sign off")
		b.write("reason", "The escalation of a crisis was tried")
		b.press("Sign off", "Answer an offer")
		b.says([]string{"still waits for others", "The change is in force"}[i])
		b.leave()
	}

	b.enter("Auditor")
	b.press("Record", "Record")
	b.press("Sign off a change in Colorado", "Sign off a change")
	b.says("Download the proof", "quorate audit verify", "The escalation of a crisis was tried")
}

// Compliance proposes to activate a set of rules that was previewed.
func TestComplianceLooksBeforeItActivates(t *testing.T) {
	axe := installAxe(t)
	site := newDemoSite(t)
	b := newBrowser(t, site.url)
	b.watch(axe)
	b.enter("Compliance officer")
	b.press("Policy", "Policy")
	b.press("law", "law")
	b.says("These rules hold", "Newly off")
	b.script(false)
	b.axe = "" // it is script itself
	b.open("/policy/rules?on=2027-01-01&jurisdiction=US-CO", "Rules")
	b.says("hold on 1 Jan 2027")
}

// A page that is open shows what somebody else does, without being loaded again, and
// leaves the focus where it was.
func TestAnOpenPageHearsOfChanges(t *testing.T) {
	site := newDemoSite(t)
	b := newBrowser(t, site.url)
	b.enter("Auditor")
	b.press("Home", "aits for you")
	b.do(chromedp.Evaluate[chromedp.Void](`window.stayed = true; document.querySelector(".news a").focus()`))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, site.url+"/api/v1/regions/co/enablements/video_visit",
		bytes.NewReader([]byte(`{"answer":"enable","reason":"Heard by an open page"}`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+site.env["QUORATE_TOKEN_CO_LEAD"])
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	b.do(chromedp.WaitVisible(`//main//*[contains(., "Heard by an open page")]`))
	stayed, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`window.stayed === true && document.activeElement.closest(".news") !== null`))
	if err != nil || !stayed {
		t.Errorf("the page was loaded again, or the focus was lost: %v, %v", stayed, err)
	}
}
