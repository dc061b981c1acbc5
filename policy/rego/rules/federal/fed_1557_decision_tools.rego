# METADATA
# title: "Decision tools are checked for discrimination"
# custom:
#   rule: FED-1557-DECISION-TOOLS
package quorate.rules["FED-1557-DECISION-TOOLS"]

finding contains {"effect": "require", "evidence": "bias_review"} if {
	not input.capability == "scheduling"
}

finding contains {"effect": "require", "evidence": "bias_review"} if {
	input.capability == "scheduling"
	input.config.triaging == true
}
