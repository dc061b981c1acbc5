# METADATA
# title: "Withholding to prevent harm is a clinician's individual determination"
# custom:
#   rule: FED-171-201-PREVENT-HARM
package quorate.rules["FED-171-201-PREVENT-HARM"]

import data.quorate.lib

basis contains {"basis": "171.201"} if {
	lib.restricting
	input.request.legal_basis == "171.201"
	determined
}

finding contains {"effect": "deny", "why": "preventing harm needs a clinician's individual determination of the right harm"} if {
	lib.restricting
	input.request.legal_basis == "171.201"
	not determined
}

determined if {
	input.facts.determination.individualised == true
	input.facts.determination.relationship == true
	input.facts.determination.no_broader_than_necessary == true
	input.facts.determination.harm in enough[input.facts.requester]
}

# Distress is not enough, whoever asks.
enough := {
	"patient": {"life_or_physical_safety"},
	"parent": {"life_or_physical_safety", "substantial_harm"},
	"representative": {"life_or_physical_safety", "substantial_harm"},
}
