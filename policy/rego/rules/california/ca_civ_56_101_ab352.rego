# METADATA
# title: "Abortion and related data stay in California"
# custom:
#   rule: CA-CIV-56-101-AB352
package quorate.rules["CA-CIV-56-101-AB352"]

import data.quorate.lib

settings := input.rules["CA-CIV-56-101-AB352"]

finding contains {"effect": "require", "evidence": "ehr_segmentation"} if {
	lib.enabling
	settings.segmentation
}

finding contains {"effect": "deny", "why": "this class of data does not leave the state without an authorization that the law names"} if {
	lib.using
	not lib.showing
	input.facts.record.class in settings.classes
	not input.facts.requester == "patient"
	not stays
	not input.facts.consent.disclosure_authorization == true
}

stays if input.facts.recipient.location == input.jurisdiction
