package ui

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// places are the names of the regions by their keys, as far as this replica knows.
func (u *UI) places() map[string]string {
	if u.Replica == nil {
		return nil
	}
	snap := u.Replica.Snapshot()
	if snap == nil {
		return nil
	}
	names := map[string]string{}
	for _, r := range snap.Regions() {
		names[r.Value.Key] = r.Value.Name
	}
	return names
}

// In names regions for people: "Colorado, Hawaii", or "all regions".
func (f *Frame) In(list []string) string { return placeNames(f.places, list) }

// Place names one region; "" is all of them.
func (f *Frame) Place(key string) string {
	if key == "" {
		key = identity.Every
	}
	return placeNames(f.places, []string{key})
}

func placeNames(places map[string]string, list []string) string {
	names := make([]string, 0, len(list))
	for _, key := range list {
		if key == identity.Every {
			return "all regions"
		}
		if name := places[key]; name != "" {
			key = name
		}
		names = append(names, key)
	}
	return strings.Join(names, ", ")
}

// grantText is a grant as identity writes it: regional_lead(co, hi).
var grantText = regexp.MustCompile(`\b([a-z_]+)\(([a-z0-9_, *-]+)\)`)

// Because says in words of which grants something follows.
func (f *Frame) Because(text string) string {
	return grantText.ReplaceAllStringFunc(text, func(one string) string {
		m := grantText.FindStringSubmatch(one)
		if roleNames[identity.Role(m[1])] == "" {
			return one
		}
		return roleName(identity.Role(m[1])) + " for " + f.In(strings.Split(strings.ReplaceAll(m[2], " ", ""), ","))
	})
}

// day is a date of the calendar as people write it.
func day(text any) string {
	s := fmt.Sprint(text)
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return s
	}
	return t.Format("2 Jan 2006")
}

// verbName is an action for people, as something that is done: "Answer an offer".
func verbName(a identity.Action) string { return capital(identity.Description(a)) }

func percent(part float64) string { return fmt.Sprintf("%.0f %%", part*100) }

var changeStates = map[gate.State]string{
	gate.Pending: "Waits", gate.Emergency: "In force, to be ratified", gate.Applied: "In force", gate.Ratified: "Ratified", gate.Reverted: "Taken back",
	gate.Superseded: "Ended otherwise", gate.Declined: "Declined", gate.Withdrawn: "Withdrawn", gate.Expired: "Expired",
}

// changeState is where a proposed change is, for people.
func changeState(s gate.State) string {
	if name := changeStates[s]; name != "" {
		return name
	}
	return string(s)
}

// needWords is a requirement for people.
func needWords(places map[string]string, r gate.Requirement) string {
	switch r.Kind {
	case gate.NeedSignOff:
		text := roleName(r.Role)
		if r.Count > 1 {
			text = fmt.Sprintf("%d × %s", r.Count, text)
		}
		if r.Region != "" {
			text += " for " + placeNames(places, []string{r.Region})
		}
		return "Sign-off by " + text
	case gate.NeedEvidence:
		return "Evidence: " + r.Evidence
	case gate.NeedDelay:
		return "A delay of " + r.Delay.String()
	}
	return "A fresh sign-in"
}

// pretty is JSON as people read it.
func pretty(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return string(raw)
	}
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return string(raw)
	}
	return string(text)
}

// plainWords is a word of a list of ours as people write it: in_force, in force.
func plainWords(text string) string {
	if text == "ehr" {
		return "the EHR"
	}
	return strings.ReplaceAll(text, "_", " ")
}

// sizeWords is a number of bytes for people.
func sizeWords(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", (n+1023)/1024)
}
