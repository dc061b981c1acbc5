# METADATA
# title: "Seventy-two hours before a malignant or genetic result shows"
# custom:
#   rule: VA-HB973-72H-HOLD
package quorate.rules["VA-HB973-72H-HOLD"]

import data.quorate.lib

settings := input.rules["VA-HB973-72H-HOLD"]

basis contains {"basis": "required_by_law", "counsel_flag": true} if asked

basis contains {"basis": "required_by_law", "counsel_flag": true} if held

finding contains {"effect": "oblige", "kind": "delay_until", "params": {"hours_after_final": settings.hours}} if asked

finding contains {"effect": "oblige", "kind": "early_release_on", "params": {"triggers": triggers}} if asked

finding contains {"effect": "deny", "why": "the result is held until the hours after it became final are over"} if held

finding contains {"effect": "oblige", "kind": "delay_until", "params": {"hours_after_final": settings.hours}, "on": "denied"} if held

triggers := ["patient_consent", "clinician_benefit", "ehr_cannot_withhold_selectively"]

# The region asks for the hold that the law describes, and for no more.
asked if {
	lib.restricting
	lib.delay_hours <= settings.hours
	count(input.config.classes) > 0
	every class in input.config.classes { class in settings.classes }
}

held if {
	lib.using
	not lib.showing
	input.facts.result.class in settings.classes
	age := time.parse_rfc3339_ns(input.as_of) - time.parse_rfc3339_ns(input.facts.result.finalized_at)
	age < ((settings.hours * 3600) * 1000) * 1000000
	not released_early
}

released_early if input.facts.consent.early_release == true

released_early if input.facts.result.clinician_benefit == true

released_early if input.facts.result.ehr_cannot_withhold_selectively == true
