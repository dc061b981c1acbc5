# METADATA
# title: "Children under thirteen: a parent's verifiable consent"
# custom:
#   rule: FED-COPPA
package quorate.rules["FED-COPPA"]

import data.quorate.lib

finding contains {"effect": "require", "evidence": "parental_consent_process"} if {
	lib.enabling
	covered
}

finding contains {"effect": "deny", "why": "a child under thirteen needs a parent's verifiable consent"} if {
	child
	not input.facts.consent.parental_verifiable == true
}

finding contains {"effect": "deny", "why": "passing a child's data on needs a consent of its own"} if {
	child
	input.capability == "third_party_api"
	not input.facts.consent.parental_third_party == true
}

child if {
	lib.using
	covered
	input.facts.patient.age < 13
}

# Only a declared non-profit operator without an outside vendor is outside.
covered if not input.config.operator_for_profit == false

covered if input.config.vendor == true
