# METADATA
# title: "Oregon: a companion says it is a machine"
# custom:
#   rule: OR-SB1546-CHATBOT
package quorate.rules["OR-SB1546-CHATBOT"]

import data.quorate.lib

finding contains {"effect": "oblige", "kind": "disclose", "params": {"text_class": "generated_by_ai", "placement": "at the start"}} if companion

finding contains {"effect": "oblige", "kind": "self_harm_protocol", "params": {}} if companion

companion if {
	lib.using
	input.facts.ai.companion == true
	not input.facts.ai.mistakable_for_human == false
}

finding contains {"effect": "oblige", "kind": "self_harm_protocol", "params": {}} if {
	lib.enabling
	not input.config.companion == false
}
