# METADATA
# title: "Oregon: the exceptions for an established patient on the way"
# custom:
#   rule: OR-677-137-TELE
package quorate.rules["OR-677-137-TELE"]

import data.quorate.lib

exception contains "ORS 677.137(3)(b)" if on_the_way

exception contains "ORS 677.137(3)" if follow_up

exception contains "ORS 677.137(3), peer consultation" if consulted

finding contains {"effect": "oblige", "kind": "record_exception", "params": {"basis": basis}} if {
	lib.using
	not lib.showing
	not lib.licensed
	some basis in exception
}

on_the_way if {
	input.facts.relationship.established == true
	input.facts.relationship.temporary_presence == true
}

follow_up if {
	input.facts.relationship.established == true
	input.facts.relationship.intermittent_follow_up == true
}

consulted if {
	input.capability == "econsult"
	input.facts.relationship.peer_consult == true
}
