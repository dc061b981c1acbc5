package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/identity"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates are made once: a template that does not parse is a program that does
// not start.
var templates = func() map[string]*template.Template {
	all := map[string]*template.Template{}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".html"); name != "frame" && name != "parts" {
			all[name] = template.Must(template.New("frame.html").Funcs(functions).Option("missingkey=error").
				ParseFS(templateFiles, "templates/frame.html", "templates/parts.html", "templates/"+f.Name()))
		}
	}
	return all
}()

var functions = template.FuncMap{
	"asset":   assetPath,
	"moment":  moment,
	"instant": instant,
	"since":   since,
	"role":    roleName,
	"signin":  signInPath,
	"confirm": confirmPath,
	"stage":   stageName,
	"capital": capital,
	"score":   score,
	"day":     day,
	"verb":    verbName,
	"state":   changeState,
	"percent": percent,
	"short":   short,
	"size":    sizeWords,
	"words":   plainWords,

	"impactChart": impactChart,
}

// A Page is one of the structs below.
type Page interface {
	name() string // of its template
	frame() *Frame
}

// Frame is what stands around every page.
type Frame struct {
	Title  string // of the page, without the product's name
	Area   string // "home", "board" or "access": which entry of the navigation it is under
	Notice string // shown on every page, such as that this is a demo; "" for none
	Who    *Who   // nil: nobody is signed in
	Bare   bool   // no navigation: the page is a step on the way somewhere
	Wide   bool   // a table needs the whole width

	// FormsTo is an origin to which a form of the page may lead in the end, besides
	// the one it is on: browsers hold redirects to it too.
	FormsTo string

	// Secret says that something stands on the page that nobody may guess: it is sent
	// as it is, since how well a page compresses tells what is on it.
	Secret bool

	// places are the names of the regions.
	places map[string]string
}

func (f *Frame) frame() *Frame { return f }

// Who is the one who looks at the page.
type Who struct {
	Name  string
	Roles []string // for people
}

func whoOf(p identity.Principal, places map[string]string) *Who {
	if !p.Known() {
		return nil
	}
	w := &Who{Name: p.Name}
	for _, g := range p.Grants {
		w.Roles = append(w.Roles, grantName(g, places))
	}
	return w
}

// grantName is a role and its reach for people: "Regional lead for Colorado".
func grantName(g identity.Grant, places map[string]string) string {
	name := roleName(g.Role) + " for " + placeNames(places, g.Regions)
	if g.Via != "" {
		name += ", by delegation"
	}
	return name
}

var roleNames = map[identity.Role]string{
	identity.Member: "Member", identity.Chair: "Chair", identity.Secretary: "Secretary", identity.Contributor: "Contributor",
	identity.RegionalLead: "Regional lead", identity.ClinicalSafety: "Clinical safety", identity.HealthPlan: "Health plan",
	identity.Compliance: "Compliance", identity.Counsel: "Counsel", identity.Auditor: "Auditor", identity.Operator: "Operator", identity.Service: "Service",
}

func roleName(r identity.Role) string {
	if name, ok := roleNames[r]; ok {
		return name
	}
	return string(r)
}

// moment is a time as the whole interface writes it. Times are UTC, and say so.
func moment(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") + " UTC" }

// instant is moment for a time in RFC 3339, as explanations carry it.
func instant(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return moment(t)
}

// since says how long ago something was, roughly.
func since(t, now time.Time) string {
	switch d := now.Sub(t); {
	case d < time.Minute:
		return "just now"
	case d < 2*time.Minute:
		return "a minute ago"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 2*time.Hour:
		return "an hour ago"
	case d < 24*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	default:
		return "on " + moment(t)
	}
}

func signInPath(returnTo string) string {
	return "/sign-in/begin?" + url.Values{"return_to": {returnTo}}.Encode()
}

func confirmPath(returnTo string) string {
	return "/sign-in/begin?" + url.Values{"fresh": {"1"}, "return_to": {returnTo}}.Encode()
}

// Render is the page in HTML.
func Render(p Page) ([]byte, error) {
	t := templates[p.name()]
	if t == nil {
		return nil, fmt.Errorf("ui: there is no template %s", p.name())
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("ui: the page %s: %w", p.name(), err)
	}
	return b.Bytes(), nil
}

// contentPolicy is what browsers may load and do for a page, and no more.
func contentPolicy(FormsTo string) string {
	forms := "'self'"
	if FormsTo != "" {
		forms += " " + FormsTo
	}
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; form-action " + forms +
		"; base-uri 'none'; frame-ancestors 'none'"
}

// Write answers a request with a page.
func Write(w http.ResponseWriter, r *http.Request, status int, p Page) error {
	body, err := Render(p)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy(p.frame().FormsTo))
	h.Set("Cache-Control", "no-store") // it says who is signed in
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	if !p.frame().Secret {
		body = packed(w, r, body)
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the browser has gone; nobody is left to be told
	}
	return nil
}
