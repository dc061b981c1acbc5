package quorate.california_test

import data.quorate.kit_test as kit

result(facts) := kit.use({"result": object.union({"class": "hiv_antibody"}, facts)})

test_ca_hsc_123148_sensitive if {
	id := "CA-HSC-123148-SENSITIVE"
	all_three := {"patient_requested_electronic": true, "clinician_deems_appropriate": true, "discussed_orally": true}
	barred := {"deny", "oblige route_to_clinician_discussion"}
	kit.finds(id, result({})) == barred
	kit.finds(id, result(all_three)) == set()
	every condition, _ in all_three {
		kit.finds(id, result(object.union(all_three, {condition: false}))) == barred
	}
	every class in ["hepatitis_antigen", "drug_abuse", "malignancy"] {
		kit.finds(id, result({"class": class})) == barred
	}
	kit.finds(id, result({"class": "genetic"})) == set()
	kit.finds(id, result({"positive": false})) == set()
	kit.finds(id, kit.doing("show", result({}))) == set()
}

test_ca_hsc_123148_general if {
	id := "CA-HSC-123148-GENERAL"
	owed := {"oblige plain_language", "oblige secure_access", "oblige release_within_reasonable_time"}
	kit.finds(id, kit.use({"consent": {"electronic_results": true}})) == owed
	kit.finds(id, kit.use({})) == owed | {"deny"}
	kit.finds(id, kit.doing("show", kit.use({}))) == set()
}

parent(facts) := kit.use(object.union({"requester": "parent", "patient": {"age": 15}, "item": {"service": "mental_health", "consented_by": "minor"}}, facts))

test_ca_hsc_123115_minor_rep if {
	id := "CA-HSC-123115-MINOR-REP"
	kit.finds(id, parent({})) == {"deny"}
	kit.finds(id, parent({"item": {"consented_by": "parent"}})) == set()
	kit.finds(id, parent({"item": {"consented_by": "parent"}, "determination": {"detriment": true}})) == {"deny"}
	kit.gives(id, "basis", kit.restrict({"restriction": "hide:self_consented", "item_level": true})) == {{"basis": "required_by_law"}}
	kit.gives(id, "basis", kit.restrict({"restriction": "hide:all", "item_level": true})) == set()
}

test_ca_minor_consent if {
	id := "CA-MINOR-CONSENT"
	kit.finds(id, parent({})) == {"oblige treat_as_minor_consented", "oblige involve_parent"}
	kit.finds(id, parent({"determination": {"involvement_inappropriate": true}})) == {"oblige treat_as_minor_consented"}
	kit.finds(id, parent({"item": {"service": "sti"}})) == {"oblige treat_as_minor_consented"}
}

test_ca_civ_56_107_confcomm if {
	id := "CA-CIV-56-107-CONFCOMM"
	kit.finds(id, kit.use({"item": {"sensitive_service": true}, "requester": "subscriber"})) == {"deny", "oblige send_to_protected_individual_only"}
	kit.finds(id, kit.use({"item": {"sensitive_service": true}, "requester": "patient"})) == {"oblige send_to_protected_individual_only"}
	kit.finds(id, kit.use({"item": {"sensitive_service": false}, "requester": "subscriber"})) == set()
}

ca_civ_56_101_ab352_sent(facts) := kit.set("CA-CIV-56-101-AB352", {"segmentation": true, "classes": ["abortion"]}, kit.use(object.union({"record": {"class": "abortion"}, "recipient": {"location": "US-YY"}}, facts)))

test_ca_civ_56_101_ab352 if {
	id := "CA-CIV-56-101-AB352"
	rules := {"segmentation": true, "classes": ["abortion"]}
	kit.finds(id, kit.set(id, rules, kit.enable({}))) == {"require ehr_segmentation"}
	kit.finds(id, kit.set(id, {"segmentation": false, "classes": []}, kit.enable({}))) == set()
	kit.finds(id, ca_civ_56_101_ab352_sent({})) == {"deny"}
	kit.finds(id, ca_civ_56_101_ab352_sent({"requester": "patient"})) == set()
	kit.finds(id, ca_civ_56_101_ab352_sent({"recipient": {"location": "US-XX"}})) == set()
	kit.finds(id, ca_civ_56_101_ab352_sent({"consent": {"disclosure_authorization": true}})) == set()
	kit.finds(id, ca_civ_56_101_ab352_sent({"record": {"class": "other"}})) == set()
}

test_ca_civ_56_06_ab254 if {
	id := "CA-CIV-56-06-AB254"
	kit.finds(id, kit.on("trackers", kit.enable({"collects_repro_data": true, "page": "public:cycle"}))) == {"deny"}
	kit.finds(id, kit.on("trackers", kit.enable({"page": "public:contraception"}))) == {"review"}
	kit.finds(id, kit.on("trackers", kit.enable({"page": "public:parking", "page_topic": "other"}))) == set()
	kit.finds(id, kit.on("device_pghd", kit.enable({"collects_repro_data": true}))) == {"require cmia_handling"}
	kit.finds(id, kit.on("device_pghd", kit.enable({}))) == set()
}

ca_hsc_1339_75_ab3030_where(modality) := kit.gives("CA-HSC-1339-75-AB3030", "placement", kit.use({"message": {"modality": modality}}))

test_ca_hsc_1339_75_ab3030 if {
	id := "CA-HSC-1339-75-AB3030"
	owed := {"oblige disclose", "oblige offer_human"}
	kit.finds(id, kit.use({"review": {"genai": true}})) == owed
	kit.finds(id, kit.use({"review": {"genai": true, "reviewed_by_licensed_provider": true}})) == set()
	kit.finds(id, kit.use({"review": {"genai": true}, "message": {"content": "administrative"}})) == set()
	kit.finds(id, kit.use({"review": {"genai": false}})) == set()
	ca_hsc_1339_75_ab3030_where("chat") == "displayed throughout the interaction"
	ca_hsc_1339_75_ab3030_where("email") == "at the start of the message"
	ca_hsc_1339_75_ab3030_where("audio") == "spoken at the start and at the end"
}

test_ca_bpc_4999_8_ab489 if {
	id := "CA-BPC-4999-8-AB489"
	kit.finds(id, kit.enable({"persona_text": "Dr. Care"})) == {"deny"}
	kit.finds(id, kit.enable({"persona_text": "Care assistant"})) == set()
	kit.finds(id, kit.use({"message": {"persona_text": "Your NURSE"}})) == {"deny"}
	kit.finds(id, kit.use({})) == set()
}

test_ca_hsc_1367_01_sb1120 if {
	id := "CA-HSC-1367-01-SB1120"
	kit.finds(id, kit.enable({})) == {"deny", "require um_ai_safeguards"}
	kit.finds(id, kit.enable({"licensed_reviewer_decides": true})) == {"require um_ai_safeguards"}
	kit.finds(id, kit.enable({"ai_in_um": false})) == set()
}

test_ca_hsc_1367_04_lap if {
	id := "CA-HSC-1367-04-LAP"
	kit.finds(id, kit.enable({"content_class": "vital_document"})) == {"require language_assessment"}
	kit.finds(id, kit.enable({})) == {"require language_assessment"}
	kit.finds(id, kit.enable({"content_class": "general"})) == set()
}

test_ca_bpc_2290_5_tele if {
	id := "CA-BPC-2290-5-TELE"
	kit.finds(id, kit.use({})) == {"oblige consent"}
	kit.finds(id, kit.use({"consent": {"telehealth": true}})) == set()
}
