package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Facts of another type than a rule reads turn a capability off, over every
// protocol: an error would serve the caller's own default.
func TestFactsOfTheWrongTypeAreOffEverywhere(t *testing.T) {
	s := newFlagdSite(t)
	c := capability("video_visit")
	c["context"] = []string{"patient.age", "patient.cohorts"}
	s.must(s.do("PUT", "/api/v1/capabilities/video_visit", s.operator, object{"value": c}))
	s.must(s.do("PUT", "/api/v1/regions/co/enablements/video_visit", s.lead, object{"answer": "enable", "reason": "clinics are ready",
		"how": object{"audience": object{"age_min": 18, "cohorts": []string{"diabetes"}}}}))
	portal := s.token("Colorado portal", "service", "co")
	connect := "http://" + s.FlagdAddr() + "/flagd.evaluation."
	for what, c := range map[string]struct {
		patient object
		want    bool
	}{
		"as it should be":     {object{"age": 44, "cohorts": []string{"diabetes"}}, true},
		"text for an age":     {object{"age": "forty", "cohorts": []string{"diabetes"}}, false},
		"digits for an age":   {object{"age": "44", "cohorts": []string{"diabetes"}}, false},
		"a list for an age":   {object{"age": []int{44}, "cohorts": []string{"diabetes"}}, false},
		"truth for an age":    {object{"age": true, "cohorts": []string{"diabetes"}}, false},
		"text for a list":     {object{"age": 44, "cohorts": "diabetes"}, false},
		"an object for both":  {object{"age": object{}, "cohorts": object{"0": "diabetes"}}, false},
		"a number for a list": {object{"age": 44, "cohorts": 7}, false},
	} {
		facts := object{"targetingKey": "p1", "patient": c.patient}
		answers := map[string]string{
			"OFREP": s.do("POST", "/regions/co/ofrep/v1/evaluate/flags/video_visit", portal, object{"context": facts}).raw,
			"bulk":  s.do("POST", "/regions/co/ofrep/v1/evaluate/flags", portal, object{"context": facts}).raw,
			"v1":    s.connect(t, connect+"v1.Service/ResolveBoolean", object{"flagKey": "video_visit", "context": facts}),
			"v2":    s.connect(t, connect+"v2.Service/ResolveBoolean", object{"flagKey": "video_visit", "context": facts}),
		}
		var bulk struct {
			Flags []json.RawMessage `json:"flags"`
		}
		if err := json.Unmarshal([]byte(answers["bulk"]), &bulk); err != nil || len(bulk.Flags) == 0 {
			t.Fatal(answers["bulk"])
		}
		answers["bulk"] = string(bulk.Flags[0])
		for protocol, raw := range answers {
			var a struct {
				Value     *bool
				ErrorCode string
			}
			if err := json.Unmarshal([]byte(raw), &a); err != nil || a.Value == nil || *a.Value != c.want || a.ErrorCode != "" || strings.Contains(raw, "forty") {
				t.Errorf("%s over %s: %s, want %v", what, protocol, raw, c.want)
			}
		}
	}
}

// connect asks over Connect with JSON.
func (s *flagdSite) connect(t *testing.T, url string, body object) string {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	_, answer := post(t, url, "application/json", raw)
	return string(answer)
}

// post sends a body and returns the status and the body of the answer.
func post(t *testing.T, url, contentType string, body []byte) (int, []byte) {
	t.Helper()
	res, err := http.Post(url, contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}
