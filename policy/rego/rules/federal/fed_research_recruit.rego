# METADATA
# title: "Recruitment needs an authorization or a board's waiver"
# custom:
#   rule: FED-RESEARCH-RECRUIT
package quorate.rules["FED-RESEARCH-RECRUIT"]

import data.quorate.lib

finding contains {"effect": "require", "evidence": "irb"} if lib.enabling

finding contains {"effect": "deny", "why": "recruitment needs the patient's authorization or a board's waiver"} if {
	recruiting
	not input.facts.consent.research_authorization == true
	not input.facts.research.irb_waiver == true
}

finding contains {"effect": "deny", "why": "a minor takes part only with a parent's permission and the minor's assent"} if {
	recruiting
	input.facts.patient.age < 18
	not permitted_minor
}

permitted_minor if {
	input.facts.consent.parental_permission == true
	input.facts.consent.minor_assent == true
}

recruiting if {
	lib.using
	not lib.showing
}
