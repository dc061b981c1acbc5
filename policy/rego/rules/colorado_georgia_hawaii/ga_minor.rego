# METADATA
# title: "Georgia: the physician may inform the parent"
# custom:
#   rule: GA-MINOR
package quorate.rules["GA-MINOR"]

import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "the minor consented to this care; the clinician has not released it"} if {
	minors.parent_asks
	minors.self_consented
	not input.facts.determination.clinician_release == true
}
