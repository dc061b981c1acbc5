# METADATA
# title: "Plans: sensitive services reach the protected person only"
# custom:
#   rule: CA-CIV-56-107-CONFCOMM
package quorate.rules["CA-CIV-56-107-CONFCOMM"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "only the protected person may see claims for a sensitive service"} if {
	sensitive
	not protected
}

protected if input.facts.requester in {"patient", "protected_individual"}

finding contains {"effect": "oblige", "kind": "send_to_protected_individual_only", "params": {}} if sensitive

sensitive if {
	lib.using
	input.facts.item.sensitive_service == true
}
