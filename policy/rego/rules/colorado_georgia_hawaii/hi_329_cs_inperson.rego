# METADATA
# title: "Hawaii: controlled substances after a face-to-face examination"
# custom:
#   rule: HI-329-CS-INPERSON
package quorate.rules["HI-329-CS-INPERSON"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "a controlled substance needs this prescriber's face-to-face examination"} if unexamined

relaxation contains "HI-HB951-GROUP" if {
	unexamined
	input.facts.rx.group_in_person == true
	input.facts.rx.opiate == true
	input.facts.rx.days_supply <= 3
}

unexamined if {
	lib.using
	lib.controlled
	not input.facts.rx.prior_in_person == true
}
