# METADATA
# title: "Licence, registration or compact to treat in Colorado"
# custom:
#   rule: CO-TELEHEALTH-REG
package quorate.rules["CO-TELEHEALTH-REG"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "the clinician has no licence and no telehealth registration here"} if {
	visiting
	not lib.licensed
	not lib.registered
}

finding contains {"effect": "oblige", "kind": kind, "params": {}} if {
	visiting
	lib.registered
	not lib.licensed
	some kind in {"agent_for_service", "emergency_protocol", "financial_responsibility", "registration_disclosures"}
}

visiting if {
	lib.using
	not lib.showing
}
