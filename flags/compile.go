package flags

import (
	"encoding/json"
	"fmt"

	"github.com/quorate/quorate/flags/eval"
)

// Cause is why a capability is on or off in a region. It is also the name of the
// variant that is served.
type Cause string

// The causes. All but On stand for the value false.
const (
	On           Cause = "on"
	Off          Cause = "off" // the default of every definition, should evaluation fail
	CapRetired   Cause = "retired"
	NoOffer      Cause = "no-offer"
	NotEnabled   Cause = "not-enabled"
	WasTurnedOff Cause = "turned-off"
	Prerequisite Cause = "prerequisite"
)

// cause decides the pair, given whether every prerequisite is on in the region.
// The order is that of the sentence: what the group decides stands before what
// the region decides.
func cause(c Capability, o Offer, e Enablement, prerequisitesOn bool) Cause {
	switch {
	case c.Stage == Retired:
		return CapRetired
	case !o.Live():
		return NoOffer
	case e.Answer != Enable:
		return NotEnabled
	case e.TurnedOff != nil:
		return WasTurnedOff
	case !prerequisitesOn:
		return Prerequisite
	}
	return On
}

// compiled is the flags of one pair: the capability's own, then one per setting
// in the capability's order.
type compiled struct {
	cause    Cause
	revision int64 // newest revision among the pair's own inputs
	flags    []*eval.Flag
}

type definition struct {
	State          string                     `json:"state"`
	Variants       map[string]json.RawMessage `json:"variants"`
	DefaultVariant string                     `json:"defaultVariant"`
	Targeting      json.RawMessage            `json:"targeting"`
	Metadata       map[string]any             `json:"metadata"`
}

// compile turns a decided pair into flag definitions and compiles them.
//
// A capability that is off is an explicit false: were it disabled, unknown or
// without a default, a client would serve its caller's default, which may be
// true. The targeting is always present, since clients may keep a value without
// one for ever.
func compile(c Capability, why Cause, metadata map[string]any) ([]*eval.Flag, error) {
	list := make([]*eval.Flag, 0, 1+len(c.Settings))
	boolean := definitionOf(why, json.RawMessage("true"), json.RawMessage("false"), metadata)
	f, err := compileFlag(c.Key, boolean)
	if err != nil {
		return nil, err
	}
	list = append(list, f)
	for _, s := range c.Settings {
		f, err := compileFlag(c.Key+"."+s.Key, definitionOf(why, s.literal(s.Default), s.literal(s.Off), metadata))
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func definitionOf(why Cause, on, off json.RawMessage, metadata map[string]any) definition {
	value := off
	if why == On {
		value = on
	}
	return definition{
		State:          "ENABLED",
		Variants:       map[string]json.RawMessage{string(Off): off, string(why): value},
		DefaultVariant: string(Off),
		Targeting:      json.RawMessage(`{"if":[true,"` + string(why) + `"]}`),
		Metadata:       metadata,
	}
}

func compileFlag(key string, d definition) (*eval.Flag, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("defining %s: %w", key, err)
	}
	f, err := eval.CompileFlag(key, raw, nil)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", key, err)
	}
	return f, nil
}

// metadataOf is what travels with every value: whence it comes, and as of when.
func metadataOf(region string, c Capability, o Offer, revision int64) map[string]any {
	m := map[string]any{"region": region, "capability": c.Key, "revision": revision}
	if o.Live() {
		m["offer"] = o.Granted.Change
	}
	return m
}
