# METADATA
# title: "A parent is the representative, save for what the minor consented to alone"
# custom:
#   rule: FED-HIPAA-502G-PARENT
package quorate.rules["FED-HIPAA-502G-PARENT"]

import data.quorate.lib
import data.quorate.minors

finding contains {"effect": "deny", "why": "parents may not be shut out by age; only items the minor consented to may be hidden"} if {
	lib.restricting
	lib.hides
	not input.request.item_level == true
}

finding contains {"effect": "deny", "why": "no state rule in force allows hiding these items from a parent"} if {
	lib.restricting
	lib.hides
	input.request.item_level == true
	count(data.quorate.decide.bases) == 0
}

finding contains {"effect": "oblige", "kind": "filter_segment", "params": {"by": "item"}} if {
	lib.restricting
	lib.hides
	input.request.item_level == true
}

finding contains {"effect": "deny", "why": "a clinician found that this parent's access endangers the minor"} if {
	lib.using
	minors.parent_asks
	input.facts.determination.endangerment == true
}
