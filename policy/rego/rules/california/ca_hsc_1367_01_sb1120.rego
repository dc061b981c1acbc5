# METADATA
# title: "Plans: a licensed reviewer decides medical necessity"
# custom:
#   rule: CA-HSC-1367-01-SB1120
package quorate.rules["CA-HSC-1367-01-SB1120"]

finding contains {"effect": "deny", "why": "medical necessity may not be denied by AI alone"} if {
	ai_used
	not input.config.licensed_reviewer_decides == true
}

finding contains {"effect": "require", "evidence": "um_ai_safeguards"} if ai_used

# A plan that does not say so is taken to use it.
ai_used if not input.config.ai_in_um == false
