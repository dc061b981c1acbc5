# METADATA
# title: "Electronic prescriptions of controlled substances need a certified system"
# custom:
#   rule: FED-EPCS-1311
package quorate.rules["FED-EPCS-1311"]

finding contains {"effect": "require", "evidence": "epcs_cert"} if {
	input.capability == "epcs_video"
}

finding contains {"effect": "require", "evidence": "epcs_cert"} if {
	input.capability == "rx_refill"
	not input.config.controlled == false
}
