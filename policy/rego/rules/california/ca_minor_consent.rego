# METADATA
# title: "What a minor may consent to alone"
# custom:
#   rule: CA-MINOR-CONSENT
package quorate.rules["CA-MINOR-CONSENT"]

import data.quorate.lib
import data.quorate.minors

finding contains {"effect": "oblige", "kind": "treat_as_minor_consented", "params": {}} if {
	lib.using
	minors.self_consented
}

finding contains {"effect": "oblige", "kind": "involve_parent", "params": {}} if {
	lib.using
	minors.self_consented
	input.facts.item.service == "mental_health"
	not input.facts.determination.involvement_inappropriate == true
}
