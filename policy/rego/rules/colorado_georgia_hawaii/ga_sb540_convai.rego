# METADATA
# title: "Conversational AI and minors"
# custom:
#   rule: GA-SB540-CONVAI
package quorate.rules["GA-SB540-CONVAI"]

import data.quorate.lib

finding contains {"effect": "oblige", "kind": "disclose", "params": {"text_class": "generated_by_ai", "placement": "at the start and every 3 hours"}} if conversing

finding contains {"effect": "oblige", "kind": kind, "params": {}} if {
	conversing
	some kind in {"no_claim_of_mental_health_care", "self_harm_protocol"}
}

# A minor talks to what may be conversational AI.
conversing if {
	lib.using
	input.facts.patient.age < 18
	not input.facts.ai.conversational == false
}

conversing if {
	lib.using
	input.capability == "teen_account"
	input.facts.ai.conversational == true
}

finding contains {"effect": "oblige", "kind": "self_harm_protocol", "params": {}} if lib.enabling
