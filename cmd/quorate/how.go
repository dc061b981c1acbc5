package main

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/fault"
)

// howOptions are the options that say how a capability is on. Each changes one
// field; what is not given stays as it was.
type howOptions struct {
	reset            bool
	variant          string
	set              []string
	languages        []string
	ageMin, ageMax   int
	facilities       []string
	serviceLines     []string
	cohorts          []string
	registeredDevice bool
	jurisdictions    []string
	rollout          float64
	stages           []string
	from, until      string
}

// optionOf names the option behind a field of a How. "set" and "stage" stand for
// everything below them.
var optionOf = []struct{ field, option string }{
	{"/how/variant", "variant"}, {"/how/settings", "set"}, {"/how/audience/languages", "language"},
	{"/how/audience/age_min", "age-min"}, {"/how/audience/age_max", "age-max"}, {"/how/audience/facilities", "facility"},
	{"/how/audience/service_lines", "service-line"}, {"/how/audience/cohorts", "cohort"},
	{"/how/audience/registered_device", "registered-device"}, {"/how/audience/jurisdictions", "in"}, {"/how/rollout/stages", "stage"}, {"/how/rollout", "rollout"},
	{"/how/schedule/from", "from"}, {"/how/schedule/until", "until-off"}, {"/how", "reset"},
}

func (o *howOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.variant, "variant", "", "`VARIANT` that the capability declares; none lifts the baseline's")
	f.StringArrayVar(&o.set, "set", nil, "`KEY=VALUE` of a setting, such as max_minutes=45; may be repeated")
	f.StringSliceVar(&o.languages, "language", nil, "only for patients of these `LANGUAGES`, such as es,zh; \"\" asks for none")
	f.IntVar(&o.ageMin, "age-min", 0, "only for patients of at least `YEARS`")
	f.IntVar(&o.ageMax, "age-max", 0, "only for patients of at most `YEARS`")
	f.StringSliceVar(&o.facilities, "facility", nil, "only at these `FACILITIES` of the region")
	f.StringSliceVar(&o.serviceLines, "service-line", nil, "only in these `LINES` of service, such as cardiology")
	f.StringSliceVar(&o.cohorts, "cohort", nil, "only for patients in any of these `COHORTS`")
	f.BoolVar(&o.registeredDevice, "registered-device", false, "only on registered devices")
	f.StringSliceVar(&o.jurisdictions, "in", nil, "only under the law of these `JURISDICTIONS` of the region, such as US-DC,US-MD; \"\" lifts it")
	f.Float64Var(&o.rollout, "rollout", 0, "for this `PERCENT` of people; the same ones stay in as it rises")
	f.StringArrayVar(&o.stages, "stage", nil, "`TIME=PERCENT` from a local time on, such as 2027-03-01T08:00=50; may be repeated")
	f.StringVar(&o.from, "from", "", "on from this local `TIME`, such as 2027-03-01T08:00; none lifts the baseline's")
	f.StringVar(&o.until, "until-off", "", "off again from this local `TIME`; none lifts the baseline's")
	f.BoolVar(&o.reset, "reset", false, "begin with nothing, instead of what was said before")
}

// given reports whether any of the options was.
func (o *howOptions) given(cmd *cobra.Command) bool {
	for _, f := range optionOf {
		if cmd.Flag(f.option).Changed {
			return true
		}
	}
	return false
}

// apply changes the fields whose options were given.
func (o *howOptions) apply(cmd *cobra.Command, h *flags.How) error {
	if o.reset {
		*h = flags.How{}
	}
	override(cmd, "variant", &h.Variant, o.variant)
	a := &h.Audience
	override(cmd, "language", &a.Languages, append([]string{}, o.languages...))
	override(cmd, "age-min", &a.AgeMin, &o.ageMin)
	override(cmd, "age-max", &a.AgeMax, &o.ageMax)
	override(cmd, "facility", &a.Facilities, append([]string{}, o.facilities...))
	override(cmd, "service-line", &a.ServiceLines, append([]string{}, o.serviceLines...))
	override(cmd, "cohort", &a.Cohorts, append([]string{}, o.cohorts...))
	override(cmd, "registered-device", &a.RegisteredDevice, &o.registeredDevice)
	override(cmd, "in", &a.Jurisdictions, append([]string{}, o.jurisdictions...))
	override(cmd, "from", &h.Schedule.From, o.from)
	override(cmd, "until-off", &h.Schedule.Until, o.until)
	if err := o.applySettings(h); err != nil {
		return err
	}
	return o.applyRollout(cmd, h)
}

func (o *howOptions) applySettings(h *flags.How) error {
	for _, pair := range o.set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return misuse("--set %q has no value", pair).Do("say --set KEY=VALUE").At("--set")
		}
		if h.Settings == nil {
			h.Settings = map[string]any{}
		}
		var parsed any
		if err := json.Unmarshal([]byte(value), &parsed); err != nil {
			parsed = value // text without quotes
		}
		h.Settings[key] = parsed
	}
	return nil
}

func (o *howOptions) applyRollout(cmd *cobra.Command, h *flags.How) error {
	switch {
	case cmd.Flag("rollout").Changed && len(o.stages) > 0:
		return misuse("--rollout and --stage were both given").Do("give one percentage, or stages").At("--rollout")
	case cmd.Flag("rollout").Changed:
		h.Rollout = &flags.Rollout{Percent: &o.rollout}
	case len(o.stages) > 0:
		h.Rollout = &flags.Rollout{}
	}
	for _, stage := range o.stages {
		at, text, _ := strings.Cut(stage, "=")
		percent, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return misuse("--stage %q has no percentage", stage).Do("say --stage TIME=PERCENT, such as 2027-03-01T08:00=50").At("--stage")
		}
		h.Rollout.Stages = append(h.Rollout.Stages, flags.RolloutStage{At: at, Percent: percent})
	}
	return nil
}

// inOptions names the option where a fault names a field of a How.
func inOptions(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	for _, o := range optionOf {
		if rest, ok := strings.CutPrefix(f.Message, f.Field+": "); ok && strings.HasPrefix(f.Field, o.field) && o.option != "reset" {
			f.Message, f.Field = "--"+o.option+": "+rest, ""
			break
		}
	}
	return err
}

// stanceOptions say how a region takes the group's baseline.
type stanceOptions struct{ follow, accept, apart bool }

func (o *stanceOptions) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.follow, "follow", false, "follow the group's baseline: every edit of it holds at once")
	cmd.Flags().BoolVar(&o.accept, "accept-baseline", false, "take over the group's baseline as it is now")
	cmd.Flags().BoolVar(&o.apart, "apart", false, "take nothing from the group's baseline")
	cmd.MarkFlagsMutuallyExclusive("follow", "accept-baseline", "apart")
}

func (o *stanceOptions) stance() flags.Stance {
	switch {
	case o.follow:
		return flags.Follow
	case o.accept:
		return flags.Accept
	case o.apart:
		return flags.Apart
	}
	return ""
}

// howToo gives a command that enables the options that say how.
func (c *cli) howToo(cmd *cobra.Command, d *decision, reply *flags.Reply) *cobra.Command {
	var how howOptions
	var stance stanceOptions
	how.register(cmd)
	stance.register(cmd)
	answer := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reply.Baseline = stance.stance()
		if how.given(cmd) {
			if err := need(cmd, "region", "reason"); err != nil {
				return err
			}
			if err := c.fillHow(cmd, d, args[0], &how, reply); err != nil {
				return err
			}
		}
		return inOptions(answer(cmd, args))
	}
	return cmd
}

// fillHow changes what the region said before by the options given. The change is
// made for the revision that was read.
func (c *cli) fillHow(cmd *cobra.Command, d *decision, capability string, how *howOptions, reply *flags.Reply) error {
	a, err := ask(c, func(s *client.Client) (client.Standing, error) {
		return s.ShowEnablement(cmd.Context(), d.region, capability)
	})
	if err != nil {
		return err
	}
	reply.How = &flags.How{}
	if e := a.Value.Enablement; e != nil && e.Answer == flags.Enable {
		*reply.How = e.How
	}
	if d.why.IfRevision == 0 {
		d.why.IfRevision = a.Value.Revision
	}
	return how.apply(cmd, reply.How)
}
