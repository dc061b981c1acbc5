package quorate.decide_test

import data.quorate.decide
import data.quorate.kit_test as kit

hold := object.union(
	kit.restrict({"restriction": "delay_hours:72", "restricts_access": true}),
	{"capability": "results_release", "config": {"classes": ["malignancy"]}, "facts": {}, "rules": {
		"FED-171-INFO-BLOCKING": {"exceptions": []},
		"VA-HB973-72H-HOLD": {"hours": 72, "classes": ["malignancy"]},
	}},
)

test_a_basis_passes_from_one_rule_to_another if {
	result := decide.result with input as hold
	result.answered == {"FED-171-INFO-BLOCKING", "VA-HB973-72H-HOLD"}
	result.based == {"VA-HB973-72H-HOLD"}
	every f in result.findings["FED-171-INFO-BLOCKING"] { f.effect == "oblige" }
}

test_without_the_rule_there_is_no_basis if {
	result := decide.result with input as object.union(hold, {"config": {"classes": ["malignancy", "potassium"]}})
	result.based == set()
	some f in result.findings["FED-171-INFO-BLOCKING"]
	f.effect == "deny"
}

test_an_unknown_rule_does_not_answer if {
	result := decide.result with input as {"act": "use", "rules": {"NO-SUCH-RULE": {}}}
	result.answered == set()
}

test_relaxations_are_named if {
	result := decide.result with input as {
		"act": "use", "request": {}, "rules": {"HI-329-CS-INPERSON": {}},
		"facts": {"rx": {"schedule": "II", "group_in_person": true, "opiate": true, "days_supply": 3}},
	}
	result.relaxations["HI-329-CS-INPERSON"] == {"HI-HB951-GROUP"}
}
