package quorate.colorado_georgia_hawaii_test

import data.quorate.kit_test as kit

visit(clinician) := kit.use({"patient": {"location_now": "US-XX"}, "clinician": clinician})

parent(facts) := kit.use(object.union({"requester": "parent", "patient": {"age": 15}, "item": {"service": "sti", "consented_by": "minor"}}, facts))

hide := kit.restrict({"restriction": "hide:self_consented", "item_level": true})

test_co_telehealth_reg if {
	id := "CO-TELEHEALTH-REG"
	kit.finds(id, visit({"licenses": ["US-XX"]})) == set()
	kit.finds(id, visit({"licenses": []})) == {"deny"}
	registered := object.union(visit({"licenses": [], "registrations": ["US-XX"]}), {"tables": {"licensure": {"US-XX": {"registration": true}}}})
	count(kit.finds(id, registered)) == 4
	kit.finds(id, kit.doing("show", visit({}))) == set()
}

test_co_minor_psych if {
	id := "CO-MINOR-PSYCH"
	kit.finds(id, parent({})) == {"deny"}
	kit.finds(id, parent({"consent": {"minor_release": true}})) == set()
	kit.finds(id, parent({"determination": {"unable_to_manage_care": true}})) == set()
	count(kit.gives(id, "basis", hide)) == 1
}

test_co_sb24_205_tombstone if kit.finds("CO-SB24-205-TOMBSTONE", kit.enable({})) == {"review"}

test_co_sb26_189_admt if {
	id := "CO-SB26-189-ADMT"
	adverse := {"oblige notice_of_use", "oblige explain_adverse_outcome", "oblige human_review", "oblige offer_correction"}
	kit.finds(id, kit.enable({})) == {"oblige keep_records"}
	kit.finds(id, kit.use({"decision": {"materially_influences": true}})) == adverse
	kit.finds(id, kit.use({"decision": {"materially_influences": true, "adverse": false}})) == {"oblige notice_of_use"}
	kit.finds(id, kit.use({"decision": {"materially_influences": false}})) == set()
}

co_hb26_1195_psych_ai_therapy(facts) := kit.use({"ai": object.union({"psychotherapy_context": true}, facts)})

test_co_hb26_1195_psych_ai if {
	id := "CO-HB26-1195-PSYCH-AI"
	kit.finds(id, kit.enable({"psychotherapy_context": true})) == {"deny"}
	kit.finds(id, kit.enable({"psychotherapy_context": true, "administrative_only": true})) == set()
	kit.finds(id, kit.enable({"psychotherapy_context": true, "human_oversight": true})) == set()
	kit.finds(id, kit.enable({})) == set()
	kit.finds(id, co_hb26_1195_psych_ai_therapy({})) == {"oblige disclose"}
	every what in ["direct_therapeutic", "treatment_plan", "emotion_detection"] {
		kit.finds(id, co_hb26_1195_psych_ai_therapy({what: true})) == {"deny", "oblige disclose"}
	}
	reviewed := object.union(co_hb26_1195_psych_ai_therapy({"treatment_plan": true, "emotion_detection": true}), {"facts": {"review": {"reviewed_by_licensed_provider": true}}})
	kit.finds(id, reviewed) == {"oblige disclose"}
}

test_ga_360_3_07_tele if {
	id := "GA-360-3-07-TELE"
	count(kit.finds(id, visit({"licenses": ["US-XX"]}))) == 3
	"deny" in kit.finds(id, visit({"licenses": []}))
	kit.finds(id, kit.doing("show", visit({}))) == set()
}

ga_360_3_02_cs_rx(facts) := kit.use({"rx": object.union({"schedule": "II", "pain": false}, facts)})

test_ga_360_3_02_cs if {
	id := "GA-360-3-02-CS"
	kit.finds(id, ga_360_3_02_cs_rx({})) == {"deny"}
	kit.finds(id, ga_360_3_02_cs_rx({"prior_in_person": true})) == set()
	kit.finds(id, ga_360_3_02_cs_rx({"covering_for_colleague": true})) == set()
	kit.finds(id, ga_360_3_02_cs_rx({"prior_in_person": true, "pain": true})) == {"deny"}
	kit.finds(id, ga_360_3_02_cs_rx({"schedule": "none"})) == set()
}

test_ga_minor if {
	id := "GA-MINOR"
	kit.finds(id, parent({})) == {"deny"}
	kit.finds(id, parent({"determination": {"clinician_release": true}})) == set()
	count(kit.gives(id, "basis", hide)) == 1
}

test_ga_sb540_convai if {
	id := "GA-SB540-CONVAI"
	kit.finds(id, kit.enable({})) == {"oblige self_harm_protocol"}
	count(kit.finds(id, kit.use({"patient": {"age": 17}}))) == 3
	kit.finds(id, kit.use({"patient": {"age": 18}})) == set()
	kit.finds(id, kit.use({"patient": {"age": 17}, "ai": {"conversational": false}})) == set()
	count(kit.finds(id, kit.on("teen_account", kit.use({"ai": {"conversational": true}})))) == 3
}

hi_329_cs_inperson_rx(facts) := kit.use({"rx": object.union({"schedule": "III"}, facts)})

test_hi_329_cs_inperson if {
	id := "HI-329-CS-INPERSON"
	group := {"group_in_person": true, "opiate": true, "days_supply": 3}
	kit.finds(id, hi_329_cs_inperson_rx({})) == {"deny"}
	kit.finds(id, hi_329_cs_inperson_rx({"prior_in_person": true})) == set()
	kit.gives(id, "relaxation", hi_329_cs_inperson_rx(group)) == {"HI-HB951-GROUP"}
	kit.gives(id, "relaxation", hi_329_cs_inperson_rx(object.union(group, {"days_supply": 4}))) == set()
	kit.gives(id, "relaxation", hi_329_cs_inperson_rx(object.union(group, {"opiate": false}))) == set()
}

test_hi_577a_minor if {
	id := "HI-577A-MINOR"
	kit.finds(id, parent({})) == {"deny"}
	kit.finds(id, parent({"determination": {"clinician_release": true}})) == set()
	count(kit.gives(id, "basis", hide)) == 1
}
