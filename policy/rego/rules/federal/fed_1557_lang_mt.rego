# METADATA
# title: "Machine translation of critical text needs a qualified human translator"
# custom:
#   rule: FED-1557-LANG-MT
package quorate.rules["FED-1557-LANG-MT"]

import data.quorate.lib

finding contains {"effect": "require", "evidence": "qualified_human_translator_review"} if {
	lib.enabling
	input.config.machine_translated == true
	not input.config.content_class == "general"
}

finding contains {"effect": "deny", "why": "critical text translated by machine needs a qualified human translator"} if {
	lib.using
	input.facts.text.machine_translated == true
	not input.facts.text.critical == false
	not input.facts.review.qualified_translator == true
}
