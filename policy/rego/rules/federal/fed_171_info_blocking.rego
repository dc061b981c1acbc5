# METADATA
# title: "A restriction of access needs a recorded basis"
# custom:
#   rule: FED-171-INFO-BLOCKING
package quorate.rules["FED-171-INFO-BLOCKING"]

import data.quorate.lib

settings := input.rules["FED-171-INFO-BLOCKING"]

finding contains {"effect": "deny", "why": "access may be restricted only with a recorded legal basis"} if {
	lib.restricting
	not lib.hides
	count(bases) == 0
}

finding contains {"effect": "oblige", "kind": "log_basis", "params": basis} if {
	lib.restricting
	not lib.hides
	some basis in bases
}

finding contains {"effect": "oblige", "kind": "log_basis", "params": basis, "on": "denied"} if {
	lib.using
	some basis in bases
}

# What the record keeps of a basis that a rule in force supplies.
bases contains object.filter(b, {"basis", "counsel_flag"}) if some b in data.quorate.decide.bases

# An exception that the region itself names and records.
bases contains {"basis": input.request.legal_basis} if {
	lib.restricting
	input.request.legal_basis in settings.exceptions
}
