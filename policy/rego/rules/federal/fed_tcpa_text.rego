# METADATA
# title: "Texts need consent, and STOP is obeyed"
# custom:
#   rule: FED-TCPA-TEXT
package quorate.rules["FED-TCPA-TEXT"]

import data.quorate.lib

settings := input.rules["FED-TCPA-TEXT"]

finding contains {"effect": "deny", "why": "there is neither consent to these texts nor an exemption"} if {
	texting
	not consented
	not exempt
}

finding contains {"effect": "deny", "why": "the patient texted STOP to messages of this class"} if {
	texting
	settings.keyword_revocation
	some stop in input.facts.message_history.stop_events
	reaches(stop)
}

finding contains {"effect": "deny", "why": "a STOP to one class of texts now stops them all"} if {
	texting
	settings.keyword_revocation
	settings.revoke_all
	count(input.facts.message_history.stop_events) > 0
}

finding contains {"effect": "oblige", "kind": "include_opt_out", "params": {}} if texting

reaches(stop) if stop.message_class == input.request.message_class

# A STOP whose class nobody recorded reaches every class.
reaches(stop) if not stop.message_class

# A push message of an app is no text.
texting if {
	lib.using
	not input.request.action == "send_push"
}

consented if input.facts.consent.sms[input.request.message_class] == true

exempt if {
	input.request.message_class in {"appointment_reminder", "lab_notice", "pre_operative", "discharge_follow_up", "prescription_notice"}
	input.facts.message_history.sent_today < settings.per_day
	input.facts.message_history.sent_week < settings.per_week
}
