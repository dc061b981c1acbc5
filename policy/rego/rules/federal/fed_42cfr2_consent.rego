# METADATA
# title: "Substance use disorder records leave only with consent"
# custom:
#   rule: FED-42CFR2-CONSENT
package quorate.rules["FED-42CFR2-CONSENT"]

import data.quorate.lib

settings := input.rules["FED-42CFR2-CONSENT"]

finding contains {"effect": "require", "evidence": type} if {
	lib.enabling
	settings.compliance
	some type in {"npp_update", "part2_breach_process", "part2_consent_forms"}
}

finding contains {"effect": "deny", "why": "substance use disorder records leave only with the patient's consent"} if {
	disclosed
	not consented
}

consented if input.facts.consent.part2 in {"specific", "tpo"}

finding contains {"effect": "deny", "why": "use in proceedings needs a specific consent or a court order"} if {
	disclosed
	input.facts.purpose == "proceedings"
	not input.facts.consent.part2 == "specific"
	not input.facts.consent.court_order == true
}

finding contains {"effect": "oblige", "kind": "disclose", "params": {"text_class": "redisclosure_statement"}} if disclosed

# A patient's own view is no disclosure.
disclosed if {
	lib.using
	input.facts.record.part2 == true
	not input.facts.requester == "patient"
}
