# METADATA
# title: "No controlled substance on an electronic consultation alone"
# custom:
#   rule: GA-360-3-02-CS
package quorate.rules["GA-360-3-02-CS"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "a controlled substance needs an examination in person before an electronic consultation"} if {
	prescribing
	not input.facts.rx.prior_in_person == true
	not input.facts.rx.covering_for_colleague == true
}

finding contains {"effect": "deny", "why": "controlled substances for pain are not prescribed by electronic means"} if {
	prescribing
	not input.facts.rx.pain == false
}

prescribing if {
	lib.using
	lib.controlled
}
