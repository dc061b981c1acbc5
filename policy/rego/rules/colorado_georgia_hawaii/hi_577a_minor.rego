# METADATA
# title: "Hawaii: disclosure to a parent is the provider's choice"
# custom:
#   rule: HI-577A-MINOR
package quorate.rules["HI-577A-MINOR"]

import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "the minor consented to this care; the provider has not released it"} if {
	minors.parent_asks
	minors.self_consented
	not input.facts.determination.clinician_release == true
}
