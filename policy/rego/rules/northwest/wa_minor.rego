# METADATA
# title: "Washington: the minor's authorization"
# custom:
#   rule: WA-MINOR
package quorate.rules["WA-MINOR"]

import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "the minor consented to this care and has not authorized a parent to see it"} if {
	minors.parent_asks
	minors.self_consented
	not input.facts.consent.minor_release == true
}
