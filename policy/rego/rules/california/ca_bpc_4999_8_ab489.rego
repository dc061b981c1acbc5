# METADATA
# title: "No persona that sounds licensed"
# custom:
#   rule: CA-BPC-4999-8-AB489
package quorate.rules["CA-BPC-4999-8-AB489"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "an AI persona may not sound like a licensed person"} if {
	lib.enabling
	sounds_licensed(input.config.persona_text)
}

finding contains {"effect": "deny", "why": "an AI persona may not sound like a licensed person"} if {
	lib.using
	sounds_licensed(input.facts.message.persona_text)
}

sounds_licensed(text) if {
	some word in titles
	contains(lower(text), word)
}

titles := {"doctor", "dr.", "licensed", "md,", "nurse", "pharmacist", "physician", "psychologist", "r.n.", "therapist"}
