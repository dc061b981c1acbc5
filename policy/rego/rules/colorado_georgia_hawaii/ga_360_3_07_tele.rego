# METADATA
# title: "Telemedicine in Georgia: a Georgia licence, a history, a record"
# custom:
#   rule: GA-360-3-07-TELE
package quorate.rules["GA-360-3-07-TELE"]

import data.quorate.lib

finding contains {"effect": "deny", "why": "treating a patient here by telemedicine needs a licence of this state"} if {
	visiting
	not lib.licensed
}

finding contains {"effect": "oblige", "kind": kind, "params": {}} if {
	visiting
	some kind in {"annual_in_person_diligence", "keep_record", "obtain_history"}
}

visiting if {
	lib.using
	not lib.showing
}
