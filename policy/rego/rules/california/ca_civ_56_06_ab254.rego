# METADATA
# title: "Reproductive digital services are held to CMIA"
# custom:
#   rule: CA-CIV-56-06-AB254
package quorate.rules["CA-CIV-56-06-AB254"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "no tracker on a service that collects cycle or fertility data"} if {
	input.capability == "trackers"
	input.config.collects_repro_data == true
}

finding contains {"effect": "review", "question": "Is this page a reproductive or sexual health service within Civ. 56.05 and 56.06?"} if {
	input.capability == "trackers"
	lib.public_page
	lib.repro_page
	not input.config.collects_repro_data == true
}

finding contains {"effect": "require", "evidence": "cmia_handling"} if {
	not input.capability == "trackers"
	input.config.collects_repro_data == true
}
