# METADATA
# title: "Plans: languages of the enrolled are assessed"
# custom:
#   rule: CA-HSC-1367-04-LAP
package quorate.rules["CA-HSC-1367-04-LAP"]

finding contains {"effect": "require", "evidence": "language_assessment"} if {
	not other_text
}

# Text that is no vital document; a region that does not say means one.
other_text if input.config.content_class in {"clinical_instructions", "general"}
