# METADATA
# title: "No AI as the therapist"
# custom:
#   rule: CO-HB26-1195-PSYCH-AI
package quorate.rules["CO-HB26-1195-PSYCH-AI"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "AI may not itself be the therapist"} if {
	lib.enabling
	input.config.psychotherapy_context == true
	not input.config.administrative_only == true
	not input.config.human_oversight == true
}

finding contains {"effect": "deny", "why": "AI may not itself communicate as a therapist"} if {
	in_therapy
	input.facts.ai.direct_therapeutic == true
}

finding contains {"effect": "deny", "why": "an AI treatment plan needs a provider's review"} if {
	in_therapy
	input.facts.ai.treatment_plan == true
	not input.facts.review.reviewed_by_licensed_provider == true
}

finding contains {"effect": "deny", "why": "AI may not read emotions without a provider's review"} if {
	in_therapy
	input.facts.ai.emotion_detection == true
	not input.facts.review.reviewed_by_licensed_provider == true
}

finding contains {"effect": "oblige", "kind": "disclose", "params": {"text_class": "ai_supports_care"}} if in_therapy

in_therapy if {
	lib.using
	input.facts.ai.psychotherapy_context == true
}
