package ui

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/quorate/quorate/flags"
)

// wide is a board of so many capabilities in eight regions, in mixed states.
func wide(capabilities int) *Board {
	cells := []flags.BoardCell{{On: true, Cause: flags.On}, {On: true, Partly: true, Cause: flags.On}, {Cause: flags.NoOffer}, {Cause: flags.NotEnabled}, {Cause: "US-VA-SOME-RULE", Answer: flags.Enable}}
	b := flags.Board{}
	var catalog []flags.Capability
	var regions []flags.Region
	for r := range 8 {
		regions = append(regions, flags.Region{Key: fmt.Sprintf("r%d", r), Name: fmt.Sprintf("Region %d", r)})
	}
	for c := range capabilities {
		row := flags.BoardRow{Capability: fmt.Sprintf("capability_%d", c), Name: fmt.Sprintf("Capability number %d", c)}
		for r := range regions {
			row.Cells = append(row.Cells, cells[(c*7+r*3)%len(cells)])
		}
		b.Rows = append(b.Rows, row)
		catalog = append(catalog, flags.Capability{Key: row.Capability, Kind: "clinical", Risk: "low", Stage: flags.Offered})
	}
	return boardPage(b, catalog, regions, BoardFilter{})
}

// The matrix of 8 regions and 200 capabilities is at most 150 kB over the wire, and a
// page is painted after at most three requests.
func TestTheMatrixIsLight(t *testing.T) {
	const budget = 150_000
	page := wide(200)
	page.Frame = framed("Board", "board")
	r := httptest.NewRequest("GET", "/board", nil)
	r.Header.Set("Accept-Encoding", "gzip, br")
	w := httptest.NewRecorder()
	if err := Write(w, r, 200, page); err != nil {
		t.Fatal(err)
	}
	if n := w.Body.Len(); n > budget || w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes, %q", n, w.Header().Get("Content-Encoding"))
	}
	html, err := Render(page)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(html), "<td>"); n != 1600 {
		t.Errorf("%d cells", n)
	}
	first := regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`).FindAllStringSubmatch(string(html), -1)
	requests := map[string]bool{"the page": true}
	for _, m := range first {
		if !strings.Contains(m[1], "mark-") { // the icon is none of what is painted
			requests[m[1]] = true
		}
	}
	if len(requests) > 3 {
		t.Errorf("%d requests: %v", len(requests), requests)
	}
}

// What holds a secret is not compressed, and neither is anything for one who does not
// take it.
func TestWhatIsPacked(t *testing.T) {
	for _, c := range []struct {
		accept string
		secret bool
		want   string
	}{{"gzip", false, "gzip"}, {"br, gzip;q=0.5", false, "gzip"}, {"gzip;q=0", false, ""}, {"", false, ""}, {"gzip", true, ""}} {
		page := wide(40)
		page.Secret = c.secret
		r := httptest.NewRequest("GET", "/board", nil)
		r.Header.Set("Accept-Encoding", c.accept)
		w := httptest.NewRecorder()
		if err := Write(w, r, 200, page); err != nil {
			t.Fatal(err)
		}
		if got := w.Header().Get("Content-Encoding"); got != c.want {
			t.Errorf("%q, secret %v: %q, want %q", c.accept, c.secret, got, c.want)
		}
	}
}

// markup is what no name may become.
var markup = regexp.MustCompile(`<script|<img|<style`)

// No name breaks a page: markup, right-to-left text, signs outside the first plane,
// ten thousand letters, nothing at all and a thousand of them.
func TestHostileNamesBreakNoPage(t *testing.T) {
	for _, name := range []string{evil, `"><img src=x onerror=alert(1)>`, "مرحبا \u202e abc", "👩🏽‍⚕️🏥", strings.Repeat("long ", 2000), "", "{{.}}", "\x00\x01"} {
		b, catalog, regions := fixture()
		b.Rows[0].Name, regions[0].Name, catalog[0].Kind = name, name, name
		pages := []Page{boardPage(b, catalog, regions, BoardFilter{}), &Changes{Frame: framed(name, "changes"), Rows: []ChangeRow{{ID: "c", Title: name, By: name, Reason: name, Needs: []string{name}}}}}
		for _, p := range pages {
			html, err := Render(p)
			if err != nil {
				t.Errorf("%.20q: %v", name, err)
				continue
			}
			if found := markup.Find(module.ReplaceAll(html, nil)); found != nil {
				t.Errorf("%.20q stands on the page %s as %q", name, p.name(), found)
			}
		}
	}
	if _, err := Render(wide(0)); err != nil {
		t.Error(err)
	}
	html, err := Render(wide(1000))
	if err != nil || strings.Count(string(html), "<tr>") != 1001 {
		t.Errorf("a thousand capabilities: %v, %d rows", err, strings.Count(string(html), "<tr>"))
	}
}

// BenchmarkTheMatrix is the server's time for the matrix of 8 regions and 200
// capabilities, rendered and packed.
func BenchmarkTheMatrix(b *testing.B) {
	r := httptest.NewRequest("GET", "/board", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	for b.Loop() {
		page := wide(200)
		if err := Write(httptest.NewRecorder(), r, 200, page); err != nil {
			b.Fatal(err)
		}
	}
}
