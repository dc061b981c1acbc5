# METADATA
# title: "Plans: prior authorization on time and by API"
# custom:
#   rule: FED-CMS-0057
package quorate.rules["FED-CMS-0057"]

settings := input.rules["FED-CMS-0057"]

finding contains {"effect": "require", "evidence": "prior_auth_operations"} if {
	in_scope
	input.capability == "plan_um"
}

finding contains {"effect": "require", "evidence": "fhir_apis"} if {
	in_scope
	settings.apis
}

in_scope if not input.config.lines_of_business

in_scope if {
	some line in input.config.lines_of_business
	line in {"chip_managed_care", "ma", "medicaid_managed_care", "qhp_ffe"}
}
