# METADATA
# title: "Virginia: neither parent is denied without a statement or an order"
# custom:
#   rule: VA-MINOR-RECORDS
package quorate.rules["VA-MINOR-RECORDS"]

import data.quorate.lib
import data.quorate.minors

finding contains {"effect": "deny", "why": "neither parent may be denied a minor's records without a written harm statement or a court order"} if {
	lib.restricting
	lib.hides
	not by_statement
}

basis contains {"basis": "required_by_law"} if {
	lib.restricting
	lib.hides
	by_statement
}

basis contains {"basis": "required_by_law"} if withheld

finding contains {"effect": "deny", "why": "a clinician's written harm statement or a court order withholds this from the parent"} if withheld

finding contains {"effect": "oblige", "kind": "offer_review_of_denial", "params": {}, "on": "denied"} if withheld

by_statement if {
	input.request.item_level == true
	input.request.restriction == "hide:harm_statement_or_court_order"
}

withheld if {
	minors.parent_asks
	input.facts.determination.harm_statement == true
}

withheld if {
	minors.parent_asks
	input.facts.determination.court_order == true
}
