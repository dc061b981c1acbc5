# METADATA
# title: "Washington: a companion says it is a machine, again and again"
# custom:
#   rule: WA-HB2225-COMPANION
package quorate.rules["WA-HB2225-COMPANION"]

import data.quorate.lib

finding contains {"effect": "oblige", "kind": "disclose", "params": {"text_class": "generated_by_ai", "placement": "at the start", "every_hours": hours}} if companion

finding contains {"effect": "oblige", "kind": "self_harm_protocol", "params": {}} if companion

finding contains {"effect": "oblige", "kind": "publish_statistics", "params": {}} if {
	lib.enabling
	not input.config.companion == false
}

companion if {
	lib.using
	input.facts.ai.companion == true
}

default hours := 1

hours := 3 if input.facts.patient.age >= 18
