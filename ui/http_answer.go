package ui

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
)

// listFacts are facts that are lists; they are entered with commas.
var listFacts = map[string]bool{"clinician.licenses": true, "clinician.registrations": true, "patient.cohorts": true}

// factValue reads what was entered for a fact of a made-up patient.
func factValue(path, text string) any {
	if listFacts[path] {
		list := []any{}
		for _, v := range strings.Split(text, ",") {
			if v = strings.TrimSpace(v); v != "" {
				list = append(list, v)
			}
		}
		return list
	}
	switch strings.ToLower(text) {
	case "yes", "true":
		return true
	case "no", "false":
		return false
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n
	}
	return text
}

func (u *UI) askAnswer(w http.ResponseWriter, r *http.Request) error {
	pl, err := u.place(r)
	if err != nil {
		return err
	}
	if err := identity.Can(api.PrincipalFrom(r.Context()), identity.Answer, pl.target()); err != nil {
		return err
	}
	return u.write(w, r, u.answerPage(pl, presentAnswer(pl)))
}

// presentAnswer is the form as the region answered before.
func presentAnswer(pl place) AnswerForm {
	f := AnswerForm{Answer: string(flags.Enable), Settings: map[string]string{}, Revision: pl.standing.Revision}
	e := pl.standing.Enablement
	if e == nil {
		return f
	}
	f.Answer, f.Until, f.Review = string(e.Answer), e.Until, e.Review
	h := e.How
	f.Variant, f.Facilities, f.Languages, f.From = h.Variant, h.Audience.Facilities, strings.Join(h.Audience.Languages, ", "), h.Schedule.From
	f.AgeMin, f.AgeMax = numberText(h.Audience.AgeMin), numberText(h.Audience.AgeMax)
	if h.Rollout != nil && h.Rollout.Percent != nil {
		f.Percent = strconv.FormatFloat(*h.Rollout.Percent, 'g', -1, 64)
	}
	for key, v := range h.Settings {
		f.Settings[key] = fmt.Sprint(v)
	}
	return f
}

func numberText(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func (u *UI) answerPage(pl place, f AnswerForm) *Answer {
	p := &Answer{Frame: Frame{Title: "Answer for " + pl.region.Name + ": " + pl.capability.Name, Area: "board"}, Capability: pl.capability,
		Region: pl.region, Entered: f, Key: newKey(), Others: standings(pl.snap, pl.capability.Key, pl.region.Key, u.Now())}
	facilities, err := pl.snap.Facilities(pl.region.Key)
	if err == nil {
		for _, rec := range facilities {
			p.Facilities = append(p.Facilities, rec.Value)
		}
	}
	for _, s := range pl.capability.Settings {
		field := SettingField{Setting: s, Value: f.Settings[s.Key], Default: fmt.Sprint(s.Default)}
		for _, v := range s.Allowed {
			field.Choices = append(field.Choices, fmt.Sprint(v))
		}
		if s.Type == "boolean" {
			field.Choices = []string{"true", "false"}
		}
		p.Settings = append(p.Settings, field)
	}
	return p
}

func readAnswer(r *http.Request, c flags.Capability) AnswerForm {
	f := AnswerForm{Answer: r.PostFormValue("answer"), Until: r.PostFormValue("until"), Review: r.PostFormValue("review"),
		Reason: strings.TrimSpace(r.PostFormValue("reason")), Variant: r.PostFormValue("variant"), AgeMin: r.PostFormValue("age_min"), AgeMax: r.PostFormValue("age_max"),
		Percent: r.PostFormValue("percent"), Languages: r.PostFormValue("languages"), From: r.PostFormValue("from"),
		Facilities: r.PostForm["facility"], Settings: map[string]string{}}
	f.Revision, _ = strconv.ParseInt(r.PostFormValue("revision"), 10, 64)
	for _, s := range c.Settings {
		if v := strings.TrimSpace(r.PostFormValue("setting." + s.Key)); v != "" {
			f.Settings[s.Key] = v
		}
	}
	return f
}

// reply is what was entered, as the verb takes it.
func (f AnswerForm) reply(c flags.Capability) (flags.Reply, error) {
	reply := flags.Reply{Answer: flags.Answer(f.Answer), Until: f.Until, Review: f.Review}
	switch reply.Answer {
	case flags.Later:
		reply.Review = ""
		return reply, nil
	case flags.Decline:
		reply.Until = ""
		return reply, nil
	}
	reply.Until, reply.Review = "", ""
	h := flags.How{Variant: f.Variant, Schedule: flags.Schedule{From: f.From}}
	h.Audience.Facilities = f.Facilities
	for _, l := range strings.Split(f.Languages, ",") {
		if l = strings.TrimSpace(l); l != "" {
			h.Audience.Languages = append(h.Audience.Languages, l)
		}
	}
	var err error
	if h.Audience.AgeMin, err = wholeNumber("age_min", f.AgeMin); err != nil {
		return reply, err
	}
	if h.Audience.AgeMax, err = wholeNumber("age_max", f.AgeMax); err != nil {
		return reply, err
	}
	if f.Percent != "" {
		n, err := strconv.ParseFloat(f.Percent, 64)
		if err != nil {
			return reply, badField("percent", f.Percent, "give a number from 0 to 100")
		}
		h.Rollout = &flags.Rollout{Percent: &n}
	}
	if h.Settings, err = f.settings(c); err != nil {
		return reply, err
	}
	reply.How = &h
	return reply, nil
}

func wholeNumber(field, text string) (*int, error) {
	if text == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, badField(field, text, "give a whole number of years, or leave it empty")
	}
	return &n, nil
}

func badField(field, value, remedy string) error {
	return fault.New(fault.Invalid, "bad_value", "%.40q is not understood here", value).Do("%s", remedy).At("/" + field)
}

func (f AnswerForm) settings(c flags.Capability) (map[string]any, error) {
	values := map[string]any{}
	for _, s := range c.Settings {
		text, ok := f.Settings[s.Key]
		if !ok {
			continue
		}
		v, err := settingValue(s, text)
		if err != nil {
			return nil, err
		}
		values[s.Key] = v
	}
	if len(values) == 0 {
		return nil, nil
	}
	return values, nil
}

func settingValue(s flags.Setting, text string) (any, error) {
	switch s.Type {
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b, nil
		}
	case "integer", "number":
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n, nil
		}
	default:
		return text, nil
	}
	return nil, badField("setting."+s.Key, text, "give a value of type "+s.Type)
}

// answer checks what was entered and shows it once more; posted again from there it
// is done.
func (u *UI) answer(w http.ResponseWriter, r *http.Request) error {
	pl, err := u.place(r)
	if err != nil {
		return err
	}
	if err := identity.Can(api.PrincipalFrom(r.Context()), identity.Answer, pl.target()); err != nil {
		return err
	}
	f := readAnswer(r, pl.capability)
	reply, err := f.reply(pl.capability)
	zone, zoneErr := time.LoadLocation(pl.region.TimeZone)
	if zoneErr != nil {
		zone = time.UTC
	}
	if err == nil {
		err = reply.Check(u.Now(), zone)
	}
	if err == nil {
		err = flags.CheckReason(f.Reason)
	}
	if err == nil && r.PostFormValue("step") == "do" {
		var receipt gate.Receipt
		receipt, err = u.Flags.AnswerOffer(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), f.Reason, f.Revision), pl.region.Key, pl.capability.Key, reply)
		if err == nil {
			u.sendOn(w, r, receipt, pl.path()+"?done="+outcomeOf(receipt, "answered"))
			return nil
		}
	}
	page := u.answerPage(pl, f)
	switch {
	case fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused) || fault.Is(err, fault.Conflict):
		fe := fault.From(err)
		page.Title = "Error: " + page.Title
		page.Error = &FormError{Field: fieldOf(fe.Field), Says: capital(fe.Message), Do: capital(fe.Remedy)}
		return u.writeStatus(w, r, fe.Kind.HTTPStatus(), page)
	case err != nil:
		return err
	}
	if r.PostFormValue("step") != "change" {
		page.Title, page.Check = "Check your answer", f.lines(reply)
		if reply.Answer == flags.Enable {
			if page.Permit, err = u.permit(r.Context(), pl, reply, api.PrincipalFrom(r.Context())); err != nil {
				return err
			}
		}
	}
	return u.write(w, r, page)
}

// outcomeOf is the word for what became of a change.
func outcomeOf(receipt gate.Receipt, done string) string {
	switch {
	case receipt.Pending != nil:
		return "waits"
	case receipt.Unchanged:
		return "same"
	}
	return done
}

// fieldOf is the id of the form's field that a fault is about.
func fieldOf(pointer string) string {
	parts := strings.Split(strings.Trim(pointer, "/"), "/")
	return parts[len(parts)-1]
}

// lines says what will be done.
func (f AnswerForm) lines(reply flags.Reply) []Line {
	list := []Line{{"Answer", map[flags.Answer]string{flags.Enable: "Turn it on", flags.Later: "Later", flags.Decline: "Decline"}[reply.Answer]}}
	switch reply.Answer {
	case flags.Later:
		list = append(list, Line{"Answers again by", reply.Until})
	case flags.Decline:
		list = append(list, Line{"Looks at it again on", reply.Review})
	default:
		how := "for everybody, from now on"
		if reply.How != nil {
			if words := reply.How.Words(); words != "" {
				how = words
			}
		}
		list = append(list, Line{"How", how})
	}
	return append(list, Line{"Reason", f.Reason})
}

func (u *UI) askTurnOff(w http.ResponseWriter, r *http.Request) error {
	pl, err := u.place(r)
	if err != nil {
		return err
	}
	if err := identity.Can(api.PrincipalFrom(r.Context()), identity.TurnOff, pl.target()); err != nil {
		return err
	}
	return u.write(w, r, turnOffPage(pl, ""))
}

func turnOffPage(pl place, reason string) *TurnOff {
	return &TurnOff{Frame: Frame{Title: "Turn off " + pl.capability.Name + " in " + pl.region.Name, Area: "board"}, Capability: pl.capability,
		Region: pl.region, Reason: reason, Key: newKey()}
}

func (u *UI) turnOff(w http.ResponseWriter, r *http.Request) error {
	pl, err := u.place(r)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(r.PostFormValue("reason"))
	receipt, err := u.Flags.TurnOff(r.Context(), api.Origin(r.Context(), r.PostFormValue("key"), reason, 0), pl.region.Key, pl.capability.Key)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused) {
		fe := fault.From(err)
		page := turnOffPage(pl, reason)
		page.Title = "Error: " + page.Title
		page.Error = &FormError{Field: fieldOf(fe.Field), Says: capital(fe.Message), Do: capital(fe.Remedy)}
		return u.writeStatus(w, r, fe.Kind.HTTPStatus(), page)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, pl.path()+"?done="+outcomeOf(receipt, "off"), http.StatusSeeOther)
	return nil
}
