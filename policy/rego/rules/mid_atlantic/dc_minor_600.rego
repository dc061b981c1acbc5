# METADATA
# title: "DC: the parent sees only with the minor's consent"
# custom:
#   rule: DC-MINOR-600
package quorate.rules["DC-MINOR-600"]

import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "the minor consented to this care and has not agreed that a parent sees it"} if {
	minors.parent_asks
	minors.self_consented
	not input.facts.consent.minor_release == true
	not input.facts.determination.finding_602_5 == true
}
