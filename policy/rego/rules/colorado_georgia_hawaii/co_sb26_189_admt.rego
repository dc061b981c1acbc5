# METADATA
# title: "Automated decisions of consequence: notice, reasons, a human"
# custom:
#   rule: CO-SB26-189-ADMT
package quorate.rules["CO-SB26-189-ADMT"]

import data.quorate.lib

finding contains {"effect": "oblige", "kind": "notice_of_use", "params": {}} if {
	lib.using
	input.facts.decision.materially_influences == true
}

finding contains {"effect": "oblige", "kind": "explain_adverse_outcome", "params": {"days": 30}} if adverse

finding contains {"effect": "oblige", "kind": kind, "params": {}} if {
	adverse
	some kind in {"human_review", "offer_correction"}
}

finding contains {"effect": "oblige", "kind": "keep_records", "params": {"years": 3}} if lib.enabling

# An outcome that nobody calls favourable counts as adverse.
adverse if {
	lib.using
	input.facts.decision.materially_influences == true
	not input.facts.decision.adverse == false
}
