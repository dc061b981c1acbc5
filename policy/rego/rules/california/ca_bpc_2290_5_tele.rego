# METADATA
# title: "Consent to telehealth is documented"
# custom:
#   rule: CA-BPC-2290-5-TELE
package quorate.rules["CA-BPC-2290-5-TELE"]

import data.quorate.lib

finding contains {"effect": "oblige", "kind": "consent", "params": {"to": "telehealth", "document": true}} if {
	lib.using
	not lib.showing
	not input.facts.consent.telehealth == true
}
