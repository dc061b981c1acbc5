# METADATA
# title: "Washington: the Uniform Telehealth Act"
# custom:
#   rule: WA-18-134-UTA
package quorate.rules["WA-18-134-UTA"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "treating a patient here needs a licence of this state or a consultation"} if {
	visiting
	not lib.licensed
	count(exception) == 0
}

finding contains {"effect": "deny", "why": "a relationship is not formed by messages alone"} if {
	visiting
	input.facts.relationship.formed_by == "messages"
}

exception contains "RCW 18.134, consultation" if input.facts.relationship.peer_consult == true

exception contains "RCW 18.134, specialty assessment" if input.facts.relationship.specialty_assessment == true

visiting if {
	lib.using
	not lib.showing
	input.capability in {"econsult", "video_visit"}
}

visiting if {
	lib.using
	not lib.showing
	input.capability == "messaging"
	input.facts.message.content == "clinical"
}
