package ofrep_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/identity"
)

// FuzzEvaluate sends whatever comes as body, key and selector, for one flag and for
// all: the answer is one of the protocol's, says nothing of another region, and is
// never ours to be sorry for.
func FuzzEvaluate(f *testing.F) {
	f.Add(full, "video_visit", "")
	f.Add(`{"context":{"targetingKey":7}}`, "video_visit.label", "flagSetId=co")
	f.Add(`{"context":{"a":[[[[[[{}]]]]]],"action":{"start":1e999}}}`, "a/b c%2F..", "flagSetId=hi")
	f.Add(`{"context":[]}`, "", "source=x,flagSetId=co")
	f.Add("\xff\x00{", "..", "flagSetId=")
	h := newHouse(f, unlimited)
	h.answer("co", flags.Enable)
	token := h.portal(identity.Every)
	f.Fuzz(func(t *testing.T, body, key, selector string) {
		for _, path := range []string{all, all + "/" + url.PathEscape(key)} {
			r, err := http.NewRequest(http.MethodPost, path, strings.NewReader(body))
			if err != nil {
				t.Skip() // no such address can be asked
			}
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header["Flagd-Selector"] = []string{selector}
			w := httptest.NewRecorder()
			h.router.ServeHTTP(w, r)
			var answer object
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
				t.Fatalf("%s: %d %q is no JSON", path, w.Code, w.Body)
			}
			switch w.Code {
			case 200:
				if answer["metadata"] == nil || path != all && answer["key"] != key {
					t.Errorf("%s: %s", path, w.Body)
				}
			case 400, 403, 404, 413:
				if answer["errorDetails"] == nil || answer["metadata"] == nil {
					t.Errorf("%s: %d %s", path, w.Code, w.Body)
				}
			default:
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}
