# METADATA
# title: "Four classes of result are first talked about"
# custom:
#   rule: CA-HSC-123148-SENSITIVE
package quorate.rules["CA-HSC-123148-SENSITIVE"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "this result is released only after it was asked for, approved, and talked about with the patient"} if barred

finding contains {"effect": "oblige", "kind": "route_to_clinician_discussion", "params": {}, "on": "denied"} if barred

basis contains {"basis": "required_by_law", "bars": "electronic"} if barred

barred if {
	lib.using
	not lib.showing
	not lib.restricting
	sensitive
	not all_three
}

# A result known to be negative is not barred; an unknown sign counts as positive.
sensitive if {
	input.facts.result.class in {"drug_abuse", "hepatitis_antigen", "hiv_antibody", "malignancy"}
	not input.facts.result.positive == false
}

all_three if {
	input.facts.result.patient_requested_electronic == true
	input.facts.result.clinician_deems_appropriate == true
	input.facts.result.discussed_orally == true
}
