# METADATA
# title: "Electronic results: consent, secure access, plain language"
# custom:
#   rule: CA-HSC-123148-GENERAL
package quorate.rules["CA-HSC-123148-GENERAL"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "the patient has not consented to electronic results"} if {
	releasing
	not input.facts.consent.electronic_results == true
}

finding contains {"effect": "oblige", "kind": kind, "params": {}} if {
	releasing
	some kind in {"plain_language", "secure_access"}
}

finding contains {"effect": "oblige", "kind": "release_within_reasonable_time", "params": {"review_first": false}} if releasing

releasing if {
	lib.using
	not lib.showing
}
