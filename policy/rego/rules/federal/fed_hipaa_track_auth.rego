# METADATA
# title: "No third-party tracker behind the sign-in"
# custom:
#   rule: FED-HIPAA-TRACK-AUTH
package quorate.rules["FED-HIPAA-TRACK-AUTH"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "no third-party tracker behind the sign-in without an agreement or an authorization"} if {
	not lib.public_page
	not input.config.vendor_baa == true
	not input.config.authorization == true
}
