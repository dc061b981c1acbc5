# METADATA
# title: "No representative's view of what a minor consented to"
# custom:
#   rule: CA-HSC-123115-MINOR-REP
package quorate.rules["CA-HSC-123115-MINOR-REP"]

import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "the minor consented to this care alone, so a representative is not entitled to it"} if {
	minors.parent_asks
	minors.self_consented
}

finding contains {"effect": "deny", "why": "the provider documented that this access would be detrimental"} if {
	minors.parent_asks
	minors.minor
	input.facts.determination.detriment == true
}
