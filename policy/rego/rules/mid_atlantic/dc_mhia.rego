# METADATA
# title: "DC: mental health information needs authorization, at 14 to 17 a joint one"
# custom:
#   rule: DC-MHIA
package quorate.rules["DC-MHIA"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "mental health information is disclosed only with authorization"} if {
	disclosed
	not input.facts.consent.mh_authorization == true
}

finding contains {"effect": "deny", "why": "from 14 to 17 the authorization is the minor's and the parent's together"} if {
	disclosed
	input.facts.patient.age >= 14
	input.facts.patient.age <= 17
	not input.facts.item.parent_involved == false
	not input.facts.consent.mh_parent_authorization == true
}

finding contains {"effect": "oblige", "kind": "disclose", "params": {"text_class": "redisclosure_statement"}} if disclosed

disclosed if {
	lib.using
	not lib.showing
	input.facts.record.mental_health == true
	not input.facts.requester == "patient"
}
