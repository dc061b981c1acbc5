# METADATA
# title: "No reproductive health data without affirmative consent"
# custom:
#   rule: VA-SB754-REPRO
package quorate.rules["VA-SB754-REPRO"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "reproductive health data that HIPAA does not protect needs affirmative consent"} if {
	collected
	not input.config.consent == true
}

collected if {
	input.capability == "trackers"
	lib.public_page
	lib.repro_page
}

collected if {
	not input.capability == "trackers"
	input.config.non_phi_repro_data == true
}
