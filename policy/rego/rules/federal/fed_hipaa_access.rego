# METADATA
# title: "Access within thirty days, by another way if not this one"
# custom:
#   rule: FED-HIPAA-ACCESS
package quorate.rules["FED-HIPAA-ACCESS"]

import data.quorate.lib

settings := input.rules["FED-HIPAA-ACCESS"]

finding contains {"effect": "oblige", "kind": "provide_by_other_means_within", "params": {"days": settings.days}, "on": "denied"} if {
	lib.using
	some b in data.quorate.decide.bases
	b.bars == "electronic"
}

finding contains {"effect": "oblige", "kind": "provide_within", "params": {"days": settings.days}} if {
	lib.using
	input.request.action == "request_copy"
}

finding contains {"effect": "deny", "why": "a delay may not outlast the time in which access is due"} if {
	lib.restricting
	lib.delay_hours > settings.days * 24
}
