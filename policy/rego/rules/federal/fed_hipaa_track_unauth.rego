# METADATA
# title: "Tombstone: IP address with a public health page"
# custom:
#   rule: FED-HIPAA-TRACK-UNAUTH
package quorate.rules["FED-HIPAA-TRACK-UNAUTH"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "an address together with a public health page was held to be health information"} if {
	lib.public_page
	not input.config.vendor_baa == true
	not input.config.authorization == true
}
