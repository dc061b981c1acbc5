# METADATA
# title: "Controlled substances by video only inside the DEA's window"
# custom:
#   rule: FED-DEA-TELE-FLEX
package quorate.rules["FED-DEA-TELE-FLEX"]

import data.quorate.lib

settings := input.rules["FED-DEA-TELE-FLEX"]

finding contains {"effect": "deny", "why": "the telemedicine window is closed and the service does not insist on an examination in person"} if {
	lib.enabling
	not settings.open
	not input.config.prior_in_person_required == true
}

finding contains {"effect": "deny", "why": "no examination in person, and no telemedicine window or other path is open"} if {
	prescribing
	not in_person
	not by_window
}

finding contains {"effect": "deny", "why": "the prescriber has no DEA registration on file"} if {
	prescribing
	not input.facts.clinician.dea == true
}

prescribing if {
	lib.using
	lib.controlled
}

in_person if input.facts.rx.prior_in_person == true

in_person if input.facts.rx.ryan_haight_path == true

by_window if {
	settings.open
	input.facts.rx.modality == "audio_video"
}

by_window if {
	settings.open
	input.facts.rx.modality == "audio_only"
	input.facts.rx.purpose == "oud"
	input.facts.rx.schedule in {"III", "IV", "V"}
}
