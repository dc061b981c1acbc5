# METADATA
# title: "Maryland: the provider may, but need not, inform the parent"
# custom:
#   rule: MD-MINOR-RECORDS
package quorate.rules["MD-MINOR-RECORDS"]

import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "the minor consented to this care; the provider has not released it"} if {
	minors.parent_asks
	minors.self_consented
	not input.facts.determination.clinician_release == true
}

finding contains {"effect": "deny", "why": "information about an abortion is never the parent's through the portal"} if {
	minors.parent_asks
	minors.minor
	input.facts.item.service == "abortion"
}
