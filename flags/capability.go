package flags

import (
	"regexp"
	"slices"
)

// A Capability is what is governed. Its key is also the key of its boolean flag.
type Capability struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Kind  string `json:"kind"`  // one of CapabilityKinds
	Stage Stage  `json:"stage"` // where it is in its life
	// Version is the material version, to which evidence may be narrowed: a new one
	// asks for new proofs.
	Version         string    `json:"version,omitempty" maxLength:"64"`
	Risk            string    `json:"risk"`           // one of Risks: harm to a patient if it works wrongly
	ForPatients     string    `json:"for_patients"`   // what it does for a patient
	ForClinicians   string    `json:"for_clinicians"` // what it changes for a clinician
	Impact          Impact    `json:"impact"`
	DataClasses     []string  `json:"data_classes"`     // from DataClasses
	RequiresSystems []string  `json:"requires_systems"` // what a facility must run
	Prerequisites   []string  `json:"prerequisites"`    // capabilities that must be on in the region
	Settings        []Setting `json:"settings"`
	Variants        []Variant `json:"variants,omitempty" nullable:"false"` // presets that a region may pick
	Context         []string  `json:"context"`                             // evaluation context attributes it may read
}

// A Variant is a named preset of a capability's settings; a region picks one
// instead of setting each by itself.
type Variant struct {
	Key      string         `json:"key"`
	Name     string         `json:"name"`
	Settings map[string]any `json:"settings"` // value by setting; the others keep their default
}

// variant finds a variant by its key.
func (c Capability) variant(key string) (Variant, bool) {
	i := slices.IndexFunc(c.Variants, func(v Variant) bool { return v.Key == key })
	if i < 0 {
		return Variant{}, false
	}
	return c.Variants[i], true
}

// Impact is the expected effect on the five ways in which a portal matters
// (Otte-Trojel et al., BMC Health Services Research 2015), each from -2, much
// worse, to 2, much better.
type Impact struct {
	Access       int `json:"access"`       // ease of access
	Transparency int `json:"transparency"` // of information
	Interaction  int `json:"interaction"`  // of patient and physician
	Connection   int `json:"connection"`   // with members
	Efficiency   int `json:"efficiency"`   // of operations
}

// A Setting is a typed value of a capability, served as a further flag whose key
// is "CAPABILITY.KEY". It has an explicit value for when the capability is off.
type Setting struct {
	Key         string   `json:"key"`
	Type        string   `json:"type"` // one of SettingTypes
	Description string   `json:"description"`
	Off         any      `json:"off"`     // served while the capability is off: the safest reading
	Default     any      `json:"default"` // served while it is on
	Allowed     []any    `json:"allowed,omitempty"`
	Min         *float64 `json:"min,omitempty"` // included; numbers only
	Max         *float64 `json:"max,omitempty"` // included; numbers only
	// Policy is what the setting is called in the rules' vocabulary of
	// configurations, such as prior_in_person_required; "" if no rule looks at it.
	Policy string `json:"policy,omitempty" maxLength:"64"`
}

// Stage is where a capability is in its life.
type Stage string

// The stages in their order. Funding asks nothing of regions; Ready does.
const (
	Proposed Stage = "proposed"
	Funded   Stage = "funded"
	InBuild  Stage = "in_build"
	Ready    Stage = "ready"
	Offered  Stage = "offered"
	Retiring Stage = "retiring"
	Retired  Stage = "retired"
)

// The closed vocabularies of a capability.
var (
	Stages          = []Stage{Proposed, Funded, InBuild, Ready, Offered, Retiring, Retired}
	CapabilityKinds = []string{"clinical", "administrative", "financial"}
	Risks           = []string{"low", "moderate", "high"}
	SettingTypes    = []string{"boolean", "string", "integer", "number"}
	DataClasses     = []string{"demographics", "appointments", "messages", "results", "notes", "medications",
		"behavioral_health", "substance_use", "reproductive_health", "minors", "device_readings", "billing",
		"images", "location", "genetic"}
)

var (
	capabilityKey    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	contextAttribute = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*(\.[a-zA-Z][a-zA-Z0-9_]*){0,7}$`)
)

// Check says what is wrong with a capability taken by itself, nil if nothing is.
// Whether its prerequisites exist and form no cycle is for the one who can see
// the others.
func (c Capability) Check() error {
	switch {
	case !capabilityKey.MatchString(c.Key):
		return bad("/key", c.Key, "a capability key has up to 64 lower-case letters, digits and underscores and begins with a letter")
	case !plainText(c.Name, 80):
		return bad("/name", c.Name, "a name has 1 to 80 printable characters")
	case !slices.Contains(CapabilityKinds, c.Kind):
		return bad("/kind", c.Kind, "the kinds are %v", CapabilityKinds)
	case !slices.Contains(Stages, c.Stage):
		return bad("/stage", string(c.Stage), "the stages are %v", Stages)
	case !slices.Contains(Risks, c.Risk):
		return bad("/risk", c.Risk, "the risks are %v", Risks)
	case !plainText(c.ForPatients, 1000):
		return bad("/for_patients", c.ForPatients, "say in 1 to 1,000 characters what it does for a patient")
	case !plainText(c.ForClinicians, 1000):
		return bad("/for_clinicians", c.ForClinicians, "say in 1 to 1,000 characters what it changes for a clinician")
	}
	if err := c.checkLists(); err != nil {
		return err
	}
	if err := c.Impact.check(); err != nil {
		return err
	}
	if err := c.checkSettings(); err != nil {
		return err
	}
	return c.checkVariants()
}

func (c Capability) checkLists() error {
	for _, d := range c.DataClasses {
		if !slices.Contains(DataClasses, d) {
			return bad("/data_classes", d, "the data classes are %v", DataClasses)
		}
	}
	if err := checkSystems("/requires_systems", c.RequiresSystems); err != nil {
		return err
	}
	if len(c.Prerequisites) > 20 {
		return bad("/prerequisites", "", "a capability has at most 20 prerequisites of its own")
	}
	for i, p := range c.Prerequisites {
		if !capabilityKey.MatchString(p) || slices.Contains(c.Prerequisites[:i], p) {
			return bad("/prerequisites", p, "each prerequisite is the key of another capability, named once")
		}
	}
	if len(c.Context) > 50 {
		return bad("/context", "", "a capability may read at most 50 context attributes")
	}
	for _, a := range c.Context {
		if !contextAttribute.MatchString(a) || len(a) > 128 {
			return bad("/context", a, "a context attribute is a path such as patient.age")
		}
	}
	return nil
}

func (i Impact) check() error {
	for _, area := range []struct {
		name  string
		score int
	}{{"access", i.Access}, {"transparency", i.Transparency}, {"interaction", i.Interaction},
		{"connection", i.Connection}, {"efficiency", i.Efficiency}} {
		if area.score < -2 || area.score > 2 {
			return bad("/impact/"+area.name, formatNumber(float64(area.score)), "an impact is a whole number from -2 to 2")
		}
	}
	return nil
}

func (c Capability) checkSettings() error {
	if len(c.Settings) > 50 {
		return bad("/settings", "", "a capability has at most 50 settings")
	}
	seen := map[string]bool{}
	for _, s := range c.Settings {
		if seen[s.Key] {
			return bad("/settings", s.Key, "each setting has a key of its own")
		}
		seen[s.Key] = true
		if err := s.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Capability) checkVariants() error {
	if len(c.Variants) > 20 {
		return bad("/variants", "", "a capability has at most 20 variants")
	}
	seen := map[string]bool{None: true}
	for _, v := range c.Variants {
		at := "/variants/" + v.Key
		switch {
		case !capabilityKey.MatchString(v.Key) || seen[v.Key]:
			return bad("/variants", v.Key, "a variant has a key of its own, in lower-case letters, digits and underscores, and not %q", None)
		case !plainText(v.Name, 80):
			return bad(at+"/name", v.Name, "a name has 1 to 80 printable characters")
		}
		seen[v.Key] = true
		if err := (How{Settings: v.Settings}).check(at, Capability{Key: c.Key, Settings: c.Settings}); err != nil {
			return err
		}
	}
	return nil
}
