# METADATA
# title: "SUD counselling notes need a consent of their own"
# custom:
#   rule: FED-42CFR2-COUNSELING
package quorate.rules["FED-42CFR2-COUNSELING"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "SUD counselling notes need a consent of their own"} if {
	lib.using
	input.facts.note.class == "sud_counseling"
	not input.facts.consent.sud_counseling == true
}
