package quorate.mid_atlantic_test

import data.quorate.kit_test as kit

parent(facts) := kit.use(object.union({"requester": "parent", "patient": {"age": 15}, "item": {"service": "sti", "consented_by": "minor"}}, facts))

hide := kit.restrict({"restriction": "hide:self_consented", "item_level": true})

va_hb973_72h_hold_ask(hours, classes) := kit.set("VA-HB973-72H-HOLD", {"hours": 72, "classes": ["malignancy", "genetic"]}, object.union(kit.restrict({"restriction": hours}), {"config": {"classes": classes}}))

va_hb973_72h_hold_result(facts) := kit.set("VA-HB973-72H-HOLD", {"hours": 72, "classes": ["malignancy", "genetic"]}, kit.use(object.union({"result": {"class": "genetic", "finalized_at": "2026-07-30T12:00:00Z"}}, facts)))

test_va_hb973_72h_hold if {
	id := "VA-HB973-72H-HOLD"
	kit.finds(id, va_hb973_72h_hold_ask("delay_hours:72", ["malignancy"])) == {"oblige delay_until", "oblige early_release_on"}
	kit.gives(id, "basis", va_hb973_72h_hold_ask("delay_hours:72", ["malignancy"])) == {{"basis": "required_by_law", "counsel_flag": true}}
	kit.finds(id, va_hb973_72h_hold_ask("delay_hours:73", ["malignancy"])) == set()
	kit.finds(id, va_hb973_72h_hold_ask("delay_hours:72", ["malignancy", "chemistry"])) == set()
	kit.finds(id, va_hb973_72h_hold_ask("delay_hours:72", [])) == set()
	kit.finds(id, va_hb973_72h_hold_result({})) == {"deny", "oblige delay_until"}
	kit.gives(id, "basis", va_hb973_72h_hold_result({})) == {{"basis": "required_by_law", "counsel_flag": true}}
	kit.finds(id, va_hb973_72h_hold_result({"result": {"finalized_at": "2026-07-29T12:00:00Z"}})) == set()
	kit.finds(id, va_hb973_72h_hold_result({"result": {"finalized_at": "2026-07-29T12:00:01Z"}})) == {"deny", "oblige delay_until"}
	kit.finds(id, va_hb973_72h_hold_result({"result": {"class": "chemistry"}})) == set()
	kit.finds(id, va_hb973_72h_hold_result({"consent": {"early_release": true}})) == set()
	kit.finds(id, va_hb973_72h_hold_result({"result": {"clinician_benefit": true}})) == set()
	kit.finds(id, va_hb973_72h_hold_result({"result": {"ehr_cannot_withhold_selectively": true}})) == set()
	kit.finds(id, kit.doing("show", va_hb973_72h_hold_result({}))) == set()
}

test_va_minor_records if {
	id := "VA-MINOR-RECORDS"
	kit.finds(id, kit.restrict({"restriction": "hide:bh_notes:age13-17"})) == {"deny"}
	statement := kit.restrict({"restriction": "hide:harm_statement_or_court_order", "item_level": true})
	kit.finds(id, statement) == set()
	kit.gives(id, "basis", statement) == {{"basis": "required_by_law"}}
	kit.finds(id, parent({})) == set()
	withheld := {"deny", "oblige offer_review_of_denial"}
	kit.finds(id, parent({"determination": {"harm_statement": true}})) == withheld
	kit.finds(id, parent({"determination": {"court_order": true}})) == withheld
	count(kit.gives(id, "basis", parent({"determination": {"court_order": true}}))) == 1
}

test_va_sb754_repro if {
	id := "VA-SB754-REPRO"
	kit.finds(id, kit.on("trackers", kit.enable({"page": "public:contraception"}))) == {"deny"}
	kit.finds(id, kit.on("trackers", kit.enable({"page": "public:contraception", "consent": true}))) == set()
	kit.finds(id, kit.on("trackers", kit.enable({"page": "public:parking", "page_topic": "other"}))) == set()
	kit.finds(id, kit.on("device_pghd", kit.enable({"non_phi_repro_data": true}))) == {"deny"}
	kit.finds(id, kit.on("device_pghd", kit.enable({}))) == set()
}

test_md_minor_records if {
	id := "MD-MINOR-RECORDS"
	kit.finds(id, parent({})) == {"deny"}
	kit.finds(id, parent({"determination": {"clinician_release": true}})) == set()
	kit.finds(id, parent({"item": {"service": "abortion"}, "determination": {"clinician_release": true}})) == {"deny"}
	count(kit.gives(id, "basis", hide)) == 1
}

test_md_hg_4_302_5_lphi if {
	id := "MD-HG-4-302-5-LPHI"
	kit.finds(id, kit.enable({})) == {"require hie_filtering"}
	kit.finds(id, kit.use({"record": {"lphi": true}})) == {"deny"}
	kit.finds(id, kit.use({"record": {"lphi": true}, "consent": {"hie": true}})) == set()
	kit.finds(id, kit.use({"record": {"lphi": true}, "requester": "patient"})) == set()
	kit.finds(id, kit.use({"record": {"lphi": false}})) == set()
}

test_md_modpa if {
	id := "MD-MODPA"
	now := {"processing": "in_force"}
	then := {"processing": "contested"}
	page := kit.on("trackers", kit.enable({"page": "public:contraception"}))
	kit.finds(id, kit.set(id, then, page)) == {"review"}
	kit.finds(id, kit.set(id, now, page)) == {"deny"}
	kit.finds(id, kit.set(id, now, object.union(page, {"config": {"strictly_necessary": true}}))) == set()
	kit.finds(id, kit.set(id, then, kit.enable({"geofence": true}))) == {"deny"}
	kit.finds(id, kit.set(id, then, kit.enable({"sells_sensitive_data": true}))) == {"deny"}
	kit.finds(id, kit.set(id, now, kit.on("device_pghd", kit.enable({"non_phi_health_data": true})))) == {"deny"}
	kit.finds(id, kit.set(id, now, kit.on("sms_push", kit.enable({})))) == set()
}

test_md_research_13_2002 if kit.finds("MD-RESEARCH-13-2002", kit.enable({})) == {"require irb"}

test_dc_minor_600 if {
	id := "DC-MINOR-600"
	kit.finds(id, parent({})) == {"deny"}
	kit.finds(id, parent({"consent": {"minor_release": true}})) == set()
	kit.finds(id, parent({"determination": {"finding_602_5": true}})) == set()
	count(kit.gives(id, "basis", hide)) == 1
}

dc_mhia_record(age, consent) := kit.use({"record": {"mental_health": true}, "requester": "other", "patient": {"age": age}, "consent": consent})

test_dc_mhia if {
	id := "DC-MHIA"
	owed := {"oblige disclose"}
	kit.finds(id, dc_mhia_record(40, {})) == {"deny"} | owed
	kit.finds(id, dc_mhia_record(40, {"mh_authorization": true})) == owed
	kit.finds(id, dc_mhia_record(14, {"mh_authorization": true})) == {"deny"} | owed
	kit.finds(id, dc_mhia_record(17, {"mh_authorization": true})) == {"deny"} | owed
	kit.finds(id, dc_mhia_record(18, {"mh_authorization": true})) == owed
	kit.finds(id, dc_mhia_record(13, {"mh_authorization": true})) == owed
	kit.finds(id, dc_mhia_record(15, {"mh_authorization": true, "mh_parent_authorization": true})) == owed
	alone := object.union(dc_mhia_record(15, {"mh_authorization": true}), {"facts": {"item": {"parent_involved": false}}})
	kit.finds(id, alone) == owed
	kit.finds(id, object.union(dc_mhia_record(40, {}), {"facts": {"requester": "patient"}})) == set()
	kit.finds(id, kit.doing("show", dc_mhia_record(40, {}))) == set()
}
