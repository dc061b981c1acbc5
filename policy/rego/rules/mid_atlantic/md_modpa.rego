# METADATA
# title: "Consumer health data: no sale, no geofence, no more than necessary"
# custom:
#   rule: MD-MODPA
package quorate.rules["MD-MODPA"]

import data.quorate.lib

settings := input.rules["MD-MODPA"]

finding contains {"effect": "deny", "why": "sensitive consumer data may not be sold"} if {
	input.config.sells_sensitive_data == true
}

finding contains {"effect": "deny", "why": "nobody may be tracked or messaged by a fence around a clinic"} if {
	input.config.geofence == true
}

finding contains {"effect": "deny", "why": "consumer health data may be processed only where strictly necessary"} if {
	processing
	settings.processing == "in_force"
}

finding contains {"effect": "review", "question": "Do the processing duties and the carve-outs reach this collection of consumer health data?"} if {
	processing
	settings.processing == "contested"
}

processing if {
	input.capability == "trackers"
	lib.public_page
	lib.repro_page
	not input.config.strictly_necessary == true
}

processing if {
	input.capability == "device_pghd"
	input.config.non_phi_health_data == true
	not input.config.strictly_necessary == true
}
