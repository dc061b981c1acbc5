# METADATA
# title: "Oregon: the provider may disclose"
# custom:
#   rule: OR-MINOR
package quorate.rules["OR-MINOR"]

import data.quorate.lib
import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "the minor consented to this care; the provider has not released it"} if {
	minors.parent_asks
	minors.self_consented
	not input.facts.determination.clinician_release == true
}

finding contains {"effect": "oblige", "kind": "involve_parent", "params": {"by": "end_of_treatment"}} if {
	lib.using
	minors.self_consented
	input.facts.item.service in {"mental_health", "sud"}
}
