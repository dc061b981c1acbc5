# METADATA
# title: "Psychotherapy notes kept apart need an authorization of their own"
# custom:
#   rule: FED-HIPAA-PSYCH-NOTES
package quorate.rules["FED-HIPAA-PSYCH-NOTES"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "psychotherapy notes kept apart need an authorization of their own"} if {
	lib.using
	input.facts.note.psychotherapy_separate == true
	not input.facts.consent.psychotherapy_authorization == true
}
