# METADATA
# title: "Practice occurs where the patient is"
# custom:
#   rule: XS-LICENSE-PATIENT-LOCATION
package quorate.rules["XS-LICENSE-PATIENT-LOCATION"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "the clinician has no licence, registration or exception where the patient is"} if {
	practising
	not lib.showing
	not lib.licensed
	not lib.registered
	count(data.quorate.decide.exceptions) == 0
}

finding contains {"effect": "oblige", "kind": "capture_location_attestation", "params": {}} if {
	practising
	input.capability in {"econsult", "epcs_video", "video_visit"}
}

practising if {
	lib.using
	input.capability in {"econsult", "epcs_video", "video_visit"}
}

practising if {
	lib.using
	input.capability in {"ai_reply", "messaging"}
	input.facts.message.content == "clinical"
}
