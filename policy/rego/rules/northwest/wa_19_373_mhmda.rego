# METADATA
# title: "Consumer health data: consent, no sale, no geofence"
# custom:
#   rule: WA-19-373-MHMDA
package quorate.rules["WA-19-373-MHMDA"]

import data.quorate.lib

settings := input.rules["WA-19-373-MHMDA"]

finding contains {"effect": "deny", "why": "nobody may be tracked or messaged by a fence around a clinic"} if {
	input.config.geofence == true
}

finding contains {"effect": "deny", "why": "consumer health data needs the person's consent"} if {
	settings.consent
	collected
	not input.config.consent == true
}

finding contains {"effect": "deny", "why": "selling consumer health data needs a signed authorization"} if {
	settings.consent
	input.config.sells_sensitive_data == true
	not input.config.sale_authorization == true
}

finding contains {"effect": "require", "evidence": "consumer_health_policy"} if {
	settings.consent
	collected
	input.config.consent == true
}

collected if {
	input.capability == "trackers"
	lib.public_page
}

collected if {
	not input.capability == "trackers"
	input.config.non_phi_health_data == true
}
