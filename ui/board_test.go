package ui

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/flags"
)

// Every state that a cell can have is told by a shape of its own, and each shape is
// explained.
func TestAShapeForEveryState(t *testing.T) {
	for _, c := range []struct {
		cell flags.BoardCell
		want Mark
	}{
		{flags.BoardCell{On: true, Cause: flags.On}, Mark{"on", "on"}},
		{flags.BoardCell{On: true, Partly: true, Cause: flags.On}, Mark{"part", "partly on"}},
		{flags.BoardCell{On: true, Pilot: 1, Facilities: 34, Cause: flags.On}, Mark{"part", "pilot (1 of 34)"}},
		{flags.BoardCell{Cause: flags.NotInRollout, Answer: flags.Enable}, Mark{"soon", "nobody yet"}},
		{flags.BoardCell{Cause: flags.NotEnabled, Answer: flags.Later}, Mark{"later", "later"}},
		{flags.BoardCell{Cause: flags.NotEnabled, Answer: flags.Decline}, Mark{"no", "declined"}},
		{flags.BoardCell{Cause: flags.NotEnabled}, Mark{"ask", "no answer"}},
		{flags.BoardCell{Cause: flags.WasTurnedOff, Answer: flags.Enable}, Mark{"off", "turned off"}},
		{flags.BoardCell{Cause: flags.Prerequisite, Answer: flags.Enable}, Mark{"wait", "waits"}},
		{flags.BoardCell{Cause: flags.NotReady, Answer: flags.Enable}, Mark{"wait", "not ready"}},
		{flags.BoardCell{Cause: flags.NoOffer}, Mark{"none", "no offer"}},
		{flags.BoardCell{Cause: "US-VA-1", Answer: flags.Enable}, Mark{"law", "blocked"}},
	} {
		got := markOf(c.cell)
		if got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.cell, got, c.want)
		}
		explained := 0
		for _, l := range legend {
			if l.Shape == got.Shape {
				explained++
			}
		}
		if explained != 1 {
			t.Errorf("the shape %s is explained %d times", got.Shape, explained)
		}
	}
}

func fixture() (flags.Board, []flags.Capability, []flags.Region) {
	b := flags.Board{Regions: []string{"co", "hi"}, Rows: []flags.BoardRow{
		{Capability: "bill_pay", Name: "Bills", Cells: []flags.BoardCell{{On: true, Cause: flags.On}, {Cause: flags.NotEnabled}}},
		{Capability: "video_visit", Name: "<script>alert(1)</script>", Cells: []flags.BoardCell{{Cause: flags.NoOffer}, {Cause: flags.NoOffer}}},
	}}
	catalog := []flags.Capability{
		{Key: "bill_pay", Kind: "financial", Risk: "low", Stage: flags.Offered, Impact: flags.Impact{Efficiency: 2}},
		{Key: "video_visit", Kind: "clinical", Risk: "high", Stage: flags.InBuild, Impact: flags.Impact{Access: 1, Efficiency: -1}},
	}
	regions := []flags.Region{{Key: "co", Name: "Colorado"}, {Key: "hi", Name: "Hawaii"}}
	return b, catalog, regions
}

func TestTheBoardShowsWhatIsAskedFor(t *testing.T) {
	b, catalog, regions := fixture()
	for _, c := range []struct {
		name string
		f    BoardFilter
		rows string
		cols int
	}{
		{"everything", BoardFilter{}, "bill_pay video_visit", 2},
		{"one region", BoardFilter{Region: "hi"}, "bill_pay video_visit", 1},
		{"by kind", BoardFilter{Kind: "clinical"}, "video_visit", 2},
		{"by risk", BoardFilter{Risk: "low"}, "bill_pay", 2},
		{"by stage", BoardFilter{Stage: "in_build"}, "video_visit", 2},
		{"by what it helps with", BoardFilter{Impact: "access"}, "video_visit", 2},
		{"what makes it worse does not help", BoardFilter{Impact: "efficiency"}, "bill_pay", 2},
		{"by state", BoardFilter{State: "on"}, "bill_pay", 2},
		{"by state, in another region", BoardFilter{State: "on", Region: "hi"}, "", 1},
	} {
		p := boardPage(b, catalog, regions, c.f)
		var rows []string
		for _, r := range p.Rows {
			rows = append(rows, r.Key)
		}
		if got := strings.Join(rows, " "); got != c.rows || len(p.Regions) != c.cols {
			t.Errorf("%s: %q in %d regions, want %q in %d", c.name, got, len(p.Regions), c.rows, c.cols)
		}
		if _, err := Render(p); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestANameIsNeverMarkup(t *testing.T) {
	b, catalog, regions := fixture()
	html, err := Render(boardPage(b, catalog, regions, BoardFilter{}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(html), "<script") || !strings.Contains(string(html), "&lt;script&gt;") {
		t.Error("a name stands in the page as it was written")
	}
	chart := string(impactChart([]ImpactBar{{"<b>", 2}, {"worse", -1}, {"even", 0}}))
	if strings.Contains(chart, "<b>") || !strings.Contains(chart, "&lt;b&gt; +2, worse −1, even 0") {
		t.Errorf("the chart says %s", chart)
	}
}

// A made-up patient is nested as an evaluation context is, with numbers, yes and no,
// and lists.
func TestAMadeUpPatient(t *testing.T) {
	ctx := madeUp(map[string]string{"patient.age": "44", "patient.location_now": "US-CO", "clinician.licenses": "US-CO, US-NM", "consent.sms": "yes", "action": "start"})
	patient, _ := ctx["patient"].(map[string]any)
	clinician, _ := ctx["clinician"].(map[string]any)
	consent, _ := ctx["consent"].(map[string]any)
	licenses, _ := clinician["licenses"].([]any)
	if patient["age"] != 44.0 || patient["location_now"] != "US-CO" || len(licenses) != 2 || licenses[1] != "US-NM" || consent["sms"] != true || ctx["action"] != "start" {
		t.Errorf("the context is %v", ctx)
	}
}

// What was entered is read as the verb takes it, or said to be wrong at its field.
func TestTheAnswerAsItWasEntered(t *testing.T) {
	c := flags.Capability{Settings: []flags.Setting{{Key: "max_minutes", Type: "integer"}, {Key: "record", Type: "boolean"}}}
	f := AnswerForm{Answer: "enable", AgeMin: "18", Percent: "25", Languages: "en, es", Facilities: []string{"co-1"}, Settings: map[string]string{"max_minutes": "30", "record": "false"}}
	reply, err := f.reply(c)
	if err != nil {
		t.Fatal(err)
	}
	h := reply.How
	if *h.Audience.AgeMin != 18 || *h.Rollout.Percent != 25 || len(h.Audience.Languages) != 2 || h.Audience.Facilities[0] != "co-1" ||
		h.Settings["max_minutes"] != 30.0 || h.Settings["record"] != false {
		t.Errorf("%+v", h)
	}
	for field, bad := range map[string]AnswerForm{
		"age_min": {Answer: "enable", AgeMin: "many"}, "percent": {Answer: "enable", Percent: "half"},
		"setting.max_minutes": {Answer: "enable", Settings: map[string]string{"max_minutes": "long"}},
	} {
		if _, err := bad.reply(c); err == nil || !strings.Contains(err.Error(), "not understood") {
			t.Errorf("%s: %v", field, err)
		}
	}
	if reply, err := (AnswerForm{Answer: "later", Until: "2027-01-01", AgeMin: "many"}).reply(c); err != nil || reply.How != nil || reply.Until != "2027-01-01" {
		t.Errorf("later: %+v, %v", reply, err)
	}
}
