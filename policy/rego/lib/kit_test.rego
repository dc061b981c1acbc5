# METADATA
# title: How the rules' tests ask
package quorate.kit_test

# finds is what one rule finds in a case, in short words.
finds(id, case) := {short(f) |
	some f in found(id, case)
}

found(id, case) := findings if {
	findings := data.quorate.rules[id].finding with input as filled(id, case)
}

# gives is what another rule of the package says.
gives(id, what, case) := given if {
	given := data.quorate.rules[id][what] with input as filled(id, case)
}

filled(id, case) := object.union(
	{
		"as_of": "2026-08-01T12:00:00Z", "jurisdiction": "US-XX", "capability": "any", "request": {}, "config": {}, "facts": {},
		"rules": {id: {}}, "tables": {"minors": {"US-XX": {"services": {"mental_health": 14, "sti": 0, "general": 18}, "mature": ["mental_health"]}}},
	},
	case,
)

short(f) := f.effect if f.effect in {"deny", "review"}

short(f) := concat(" ", [f.effect, f.kind]) if f.effect == "oblige"

short(f) := concat(" ", [f.effect, f.evidence]) if f.effect == "require"

enable(config) := {"act": "enable", "config": config}

use(facts) := {"act": "use", "facts": facts}

restrict(request) := {"act": "restrict", "request": request}

on(capability, case) := object.union(case, {"capability": capability})

set(id, settings, case) := object.union(case, {"rules": {id: settings}})

doing(action, case) := object.union(case, {"request": {"action": action}})
