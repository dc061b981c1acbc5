# METADATA
# title: "Psychotherapy from twelve: the minor's consent"
# custom:
#   rule: CO-MINOR-PSYCH
package quorate.rules["CO-MINOR-PSYCH"]

import data.quorate.minors

basis contains {"basis": "required_by_law"} if minors.item_level_request

finding contains {"effect": "deny", "why": "psychotherapy the minor sought is shown to a parent only with the minor's consent"} if {
	minors.parent_asks
	minors.self_consented
	not input.facts.consent.minor_release == true
	not input.facts.determination.unable_to_manage_care == true
}
