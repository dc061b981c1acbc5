package quorate.gate_test

import data.quorate.gate

enablement(before, after) := [{"collection": "enablements", "key": ["co", "x"], "before": before, "after": after}]

on := {"answer": "enable", "how": {}, "offer": "o1"}

off := {"answer": "enable", "how": {}, "offer": "o1", "turned_off": {"by": "somebody"}}

ask(edits, class) := {
	"action": "enablement.answer", "target": {"kind": "enablement", "region": "co", "id": "x"},
	"edits": edits, "capabilities": {"x": class}, "frozen": {"co": []}, "emergency": false,
}

class(kind, risk) := {"kind": kind, "risk": risk}

signers(input_) := {r.role | some r in gate.result.require with input as input_}

rules(set) := {f.rule | some f in set}

denied(input_) := {f.rule | some f in gate.result.deny with input as input_}

# Who signs what is turned on, by kind and risk.
who_signs_case contains note if {
	some kind, risks in {
		"clinical": {"low": set(), "moderate": set(), "high": {"clinical_safety", "compliance"}, "unheard": {"clinical_safety", "compliance"}},
		"administrative": {"low": set(), "moderate": {"health_plan"}, "high": {"clinical_safety", "compliance", "health_plan"}},
		"financial": {"low": set(), "moderate": {"health_plan"}, "high": {"clinical_safety", "compliance", "health_plan"}},
		"unheard": {"moderate": {"health_plan"}},
	}
	some risk, want in risks
	note := concat(" ", [kind, risk])
	got := signers(ask(enablement(null, on), class(kind, risk)))
	got == want
	count(denied(ask(enablement(null, on), class(kind, risk)))) == 0
}

test_the_table_is_whole if count(who_signs_case) == 11

test_a_signature_is_for_the_region if {
	some r in gate.result.require with input as ask(enablement(null, on), class("clinical", "high"))
	r.role == "compliance"
	r.region == "co"
	r.count == 1
	r.apart
	r.kind == "sign_off"
	r.rule == "GATE-HIGH-RISK"
}

# What turns nothing on needs nobody.
what_needs_nobody_case contains note if {
	some note, edits in {
		"later": enablement(on, {"answer": "later"}),
		"decline": enablement(null, {"answer": "decline"}),
		"said again": enablement(on, object.union(on, {"answered": {"reason": "as before"}})),
		"gone": enablement(on, null),
		"turned off": enablement(on, off),
		"a region": [{"collection": "regions", "key": ["co"], "before": null, "after": {}}],
		"a pushed bundle": [{"collection": "policy", "key": ["bundles", "d", "0"], "before": null, "after": {}}],
	}
	count(signers(ask(edits, class("clinical", "high")))) == 0
	count(denied(ask(edits, class("clinical", "high")))) == 0
}

test_that_table_is_whole if count(what_needs_nobody_case) == 7

# What turns it on otherwise needs as many as turning it on.
another_how_case contains note if {
	some note, edits in {
		"how": enablement(on, object.union(on, {"how": {"rollout": {"percent": 50}}})),
		"follows": enablement(on, object.union(on, {"follow": true})),
		"accepted": enablement(on, object.union(on, {"accepted": {"revision": 7}})),
		"another offer": enablement(on, object.union(on, {"offer": "o2"})),
		"was turned off": enablement(off, on),
		"was later": enablement({"answer": "later"}, on),
		"the baseline": [{"collection": "baselines", "key": ["x"], "before": null, "after": {"how": {}}}],
	}
	signers(ask(edits, class("clinical", "high"))) == {"clinical_safety", "compliance"}
}

test_third_table_is_whole if count(another_how_case) == 7

test_a_baseline_is_signed_for_all_regions if {
	edits := [{"collection": "baselines", "key": ["x"], "before": null, "after": {"how": {}}}]
	some r in gate.result.require with input as ask(edits, class("clinical", "high"))
	r.region == ""
}

capability(before, after) := [{"collection": "capabilities", "key": ["x"], "before": before, "after": after}]

eased_case contains note if {
	some note, edits in {
		"less risk": capability(class("clinical", "high"), class("clinical", "moderate")),
		"much less risk": capability(class("clinical", "high"), class("clinical", "low")),
		"clinical now": capability(class("financial", "high"), class("clinical", "high")),
	}
	signers(ask(edits, class("clinical", "high"))) == {"clinical_safety", "compliance"}
}

test_eased_is_whole if count(eased_case) == 3

not_eased_case contains note if {
	some note, edits in {
		"new": capability(null, class("clinical", "low")),
		"more risk": capability(class("clinical", "low"), class("clinical", "high")),
		"the same": capability(class("clinical", "high"), class("clinical", "high")),
		"financial now": capability(class("clinical", "high"), class("financial", "high")),
	}
	count(signers(ask(edits, class("clinical", "high")))) == 0
}

test_not_eased_is_whole if count(not_eased_case) == 4

test_a_freeze_turns_nothing_on if {
	asked := object.union(ask(enablement(null, on), class("clinical", "low")), {"frozen": {"co": ["year_end"]}})
	denied(asked) == {"GATE-FREEZE"}
}

test_a_freeze_of_another_region_holds_nothing if {
	asked := object.union(ask(enablement(null, on), class("clinical", "low")), {"frozen": {"hi": ["year_end"], "co": []}})
	count(denied(asked)) == 0
}

test_in_a_freeze_what_is_on_may_be_narrowed if {
	edits := enablement(on, object.union(on, {"how": {"rollout": {"percent": 5}}}))
	asked := object.union(ask(edits, class("clinical", "low")), {"frozen": {"co": ["year_end"]}})
	count(denied(asked)) == 0
}

test_an_emergency_turns_on_and_says_so if {
	asked := object.union(ask(enablement(null, on), class("clinical", "high")), {"emergency": true})
	count(denied(asked)) == 0
	warned := gate.result.warn with input as asked
	rules(warned) == {"GATE-EMERGENCY"}
}

test_an_emergency_is_for_nothing_else if {
	asked := object.union(ask(enablement(on, null), class("clinical", "high")), {"emergency": true})
	denied(asked) == {"GATE-EMERGENCY"}
}

# What is not known is denied.
unknown_case contains note if {
	good := ask(enablement(null, on), class("clinical", "low"))
	some note, c in {
		"an action": [object.union(good, {"action": "world.end"}), "GATE-UNKNOWN-ACTION"],
		"a verb alone": [object.union(good, {"action": "set"}), "GATE-UNKNOWN-ACTION"],
		"no action": [object.filter(good, ["edits", "frozen", "capabilities"]), "GATE-UNKNOWN-ACTION"],
		"an action that is no text": [object.union(good, {"action": 7}), "GATE-UNKNOWN-ACTION"],
		"a capability": [object.filter(good, ["action", "edits", "frozen"]), "GATE-UNKNOWN-CAPABILITY"],
		"no edits": [object.filter(good, ["action", "frozen", "capabilities"]), "GATE-UNKNOWN-EDITS"],
		"edits that are none": [object.union(good, {"edits": [{"collection": 7, "key": []}]}), "GATE-UNKNOWN-EDITS"],
		"no freezes": [object.filter(good, ["action", "edits", "capabilities"]), "GATE-UNKNOWN-FREEZES"],
		"nothing": [{}, "GATE-UNKNOWN-EDITS"],
	}
	denied(c[0])[c[1]]
}

test_unknown_is_whole if count(unknown_case) == 9
