# METADATA
# title: "Legally protected health information needs consent in the exchange"
# custom:
#   rule: MD-HG-4-302-5-LPHI
package quorate.rules["MD-HG-4-302-5-LPHI"]

import data.quorate.lib

finding contains {"effect": "require", "evidence": "hie_filtering"} if lib.enabling

finding contains {"effect": "deny", "why": "legally protected health information goes to the exchange only with the patient's consent"} if {
	lib.using
	not lib.showing
	input.facts.record.lphi == true
	not input.facts.requester == "patient"
	not input.facts.consent.hie == true
}
