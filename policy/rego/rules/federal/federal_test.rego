package quorate.federal_test

import data.quorate.kit_test as kit

fed_171_info_blocking_ask(basis) := kit.set("FED-171-INFO-BLOCKING", {"exceptions": ["171.202"]}, kit.restrict({"restriction": "delay_hours:24", "legal_basis": basis}))

test_fed_171_info_blocking if {
	id := "FED-171-INFO-BLOCKING"
	kit.finds(id, fed_171_info_blocking_ask("none that is known")) == {"deny"}
	kit.finds(id, fed_171_info_blocking_ask("171.202")) == {"oblige log_basis"}
	kit.finds(id, kit.restrict({"restriction": "hide:everything"})) == set()
	kit.finds(id, kit.use({})) == set()
	withheld := {"rules": {"CA-HSC-123148-SENSITIVE": {}}, "facts": {"result": {"class": "malignancy"}}}
	kit.finds(id, object.union(kit.use({}), withheld)) == {"oblige log_basis"}
}

determination(harm, requester) := object.union(
	kit.restrict({"legal_basis": "171.201"}),
	{"facts": {"requester": requester, "determination": {
		"individualised": true, "relationship": true, "no_broader_than_necessary": true, "harm": harm,
	}}},
)

test_fed_171_201_prevent_harm if {
	id := "FED-171-201-PREVENT-HARM"
	kit.finds(id, determination("life_or_physical_safety", "patient")) == set()
	kit.gives(id, "basis", determination("life_or_physical_safety", "patient")) == {{"basis": "171.201"}}
	kit.finds(id, determination("substantial_harm", "patient")) == {"deny"}
	kit.finds(id, determination("substantial_harm", "representative")) == set()
	kit.finds(id, determination("distress", "representative")) == {"deny"}
	kit.finds(id, kit.restrict({"legal_basis": "171.201"})) == {"deny"}
	kit.finds(id, kit.restrict({})) == set()
}

test_fed_hipaa_access if {
	id := "FED-HIPAA-ACCESS"
	days := {"days": 30}
	kit.finds(id, kit.set(id, days, kit.restrict({"restriction": "delay_hours:721"}))) == {"deny"}
	kit.finds(id, kit.set(id, days, kit.restrict({"restriction": "delay_hours:720"}))) == set()
	kit.finds(id, kit.set(id, days, kit.doing("request_copy", kit.use({})))) == {"oblige provide_within"}
	withheld := {"rules": {"CA-HSC-123148-SENSITIVE": {}}, "facts": {"result": {"class": "malignancy"}}}
	kit.finds(id, kit.set(id, days, object.union(kit.use({}), withheld))) == {"oblige provide_by_other_means_within"}
}

test_fed_hipaa_502g_parent if {
	id := "FED-HIPAA-502G-PARENT"
	kit.finds(id, kit.restrict({"restriction": "hide:bh_notes:age13-17"})) == {"deny"}
	kit.finds(id, kit.restrict({"restriction": "hide:self_consented", "item_level": true})) == {"deny", "oblige filter_segment"}
	state := {"rules": {"DC-MINOR-600": {}}}
	based := object.union(kit.restrict({"restriction": "hide:self_consented", "item_level": true}), state)
	kit.finds(id, based) == {"oblige filter_segment"}
	kit.finds(id, kit.restrict({"restriction": "delay_hours:2"})) == set()
	kit.finds(id, kit.use({"requester": "parent", "determination": {"endangerment": true}})) == {"deny"}
	kit.finds(id, kit.use({"requester": "parent"})) == set()
}

test_fed_hipaa_psych_notes if {
	id := "FED-HIPAA-PSYCH-NOTES"
	kit.finds(id, kit.use({"note": {"psychotherapy_separate": true}})) == {"deny"}
	kit.finds(id, kit.use({"note": {"psychotherapy_separate": true}, "consent": {"psychotherapy_authorization": true}})) == set()
	kit.finds(id, kit.use({"note": {"psychotherapy_separate": false}})) == set()
}

test_fed_42cfr2_consent if {
	id := "FED-42CFR2-CONSENT"
	count(kit.finds(id, kit.set(id, {"compliance": true}, kit.enable({})))) == 3
	kit.finds(id, kit.set(id, {"compliance": false}, kit.enable({}))) == set()
	kit.finds(id, kit.use({"record": {"part2": true}, "requester": "other"})) == {"deny", "oblige disclose"}
	kit.finds(id, kit.use({"record": {"part2": true}, "requester": "other", "consent": {"part2": "tpo"}})) == {"oblige disclose"}
	kit.finds(id, kit.use({"record": {"part2": true}, "requester": "patient"})) == set()
	court := {"record": {"part2": true}, "purpose": "proceedings", "consent": {"part2": "tpo"}}
	kit.finds(id, kit.use(court)) == {"deny", "oblige disclose"}
	kit.finds(id, kit.use(object.union(court, {"consent": {"part2": "specific"}}))) == {"oblige disclose"}
	kit.finds(id, kit.use(object.union(court, {"consent": {"court_order": true}}))) == {"oblige disclose"}
}

test_fed_42cfr2_counseling if {
	id := "FED-42CFR2-COUNSELING"
	kit.finds(id, kit.use({"note": {"class": "sud_counseling"}, "consent": {"part2": "tpo"}})) == {"deny"}
	kit.finds(id, kit.use({"note": {"class": "sud_counseling"}, "consent": {"sud_counseling": true}})) == set()
	kit.finds(id, kit.use({"note": {"class": "progress"}})) == set()
}

test_fed_hipaa_track_auth if {
	id := "FED-HIPAA-TRACK-AUTH"
	kit.finds(id, kit.enable({"page": "authenticated:lab_results"})) == {"deny"}
	kit.finds(id, kit.enable({})) == {"deny"}
	kit.finds(id, kit.enable({"page": "authenticated:lab_results", "vendor_baa": true})) == set()
	kit.finds(id, kit.enable({"page": "authenticated:lab_results", "authorization": true})) == set()
	kit.finds(id, kit.enable({"page": "public:careers"})) == set()
}

test_fed_hipaa_track_unauth if {
	id := "FED-HIPAA-TRACK-UNAUTH"
	kit.finds(id, kit.enable({"page": "public:clinics"})) == {"deny"}
	kit.finds(id, kit.enable({"page": "public:clinics", "authorization": true})) == set()
	kit.finds(id, kit.enable({"page": "authenticated:results"})) == set()
}

test_fed_hipaa_repro_2024 if {
	kit.finds("FED-HIPAA-REPRO-2024", kit.enable({})) == {"require repro_attestation"}
}

rx(facts) := kit.use({"rx": object.union({"schedule": "II", "modality": "audio_video"}, facts), "clinician": {"dea": true}})

test_fed_dea_tele_flex if {
	id := "FED-DEA-TELE-FLEX"
	open := {"open": true}
	shut := {"open": false}
	kit.finds(id, kit.set(id, open, rx({}))) == set()
	kit.finds(id, kit.set(id, shut, rx({}))) == {"deny"}
	kit.finds(id, kit.set(id, shut, rx({"prior_in_person": true}))) == set()
	kit.finds(id, kit.set(id, shut, rx({"ryan_haight_path": true}))) == set()
	kit.finds(id, kit.set(id, shut, rx({"schedule": "none"}))) == set()
	kit.finds(id, kit.set(id, open, rx({"modality": "audio_only"}))) == {"deny"}
	kit.finds(id, kit.set(id, open, rx({"modality": "audio_only", "purpose": "oud", "schedule": "III"}))) == set()
	kit.finds(id, kit.set(id, open, object.union(rx({}), {"facts": {"clinician": {"dea": false}}}))) == {"deny"}
	kit.finds(id, kit.set(id, shut, kit.enable({}))) == {"deny"}
	kit.finds(id, kit.set(id, shut, kit.enable({"prior_in_person_required": true}))) == set()
	kit.finds(id, kit.set(id, open, kit.enable({}))) == set()
}

test_fed_epcs_1311 if {
	id := "FED-EPCS-1311"
	kit.finds(id, kit.on("epcs_video", kit.enable({}))) == {"require epcs_cert"}
	kit.finds(id, kit.on("rx_refill", kit.enable({}))) == {"require epcs_cert"}
	kit.finds(id, kit.on("rx_refill", kit.enable({"controlled": false}))) == set()
}

test_fed_1557_lang_mt if {
	id := "FED-1557-LANG-MT"
	kit.finds(id, kit.enable({"machine_translated": true})) == {"require qualified_human_translator_review"}
	kit.finds(id, kit.enable({"machine_translated": true, "content_class": "general"})) == set()
	kit.finds(id, kit.enable({})) == set()
	kit.finds(id, kit.use({"text": {"machine_translated": true}})) == {"deny"}
	kit.finds(id, kit.use({"text": {"machine_translated": true, "critical": false}})) == set()
	kit.finds(id, kit.use({"text": {"machine_translated": true}, "review": {"qualified_translator": true}})) == set()
}

test_fed_1557_lang_notice if kit.finds("FED-1557-LANG-NOTICE", kit.enable({})) == {"require language_notice"}

test_fed_1557_decision_tools if {
	id := "FED-1557-DECISION-TOOLS"
	kit.finds(id, kit.on("ai_triage", kit.enable({}))) == {"require bias_review"}
	kit.finds(id, kit.on("scheduling", kit.enable({}))) == set()
	kit.finds(id, kit.on("scheduling", kit.enable({"triaging": true}))) == {"require bias_review"}
}

test_fed_504_web if {
	id := "FED-504-WEB"
	large := {"required": {"large": true, "small": false}, "due": {"large": "a day", "small": "another day"}}
	kit.finds(id, kit.set(id, large, kit.enable({}))) == {"require usability_wcag"}
	kit.finds(id, kit.set(id, large, kit.enable({"employees": 15}))) == {"require usability_wcag"}
	kit.finds(id, kit.set(id, large, kit.enable({"employees": 14}))) == {"oblige remediation_plan"}
}

text(settings, facts) := kit.doing("send_sms", object.union(kit.use(facts), {"request": {"message_class": "billing"}, "rules": {"FED-TCPA-TEXT": settings}}))

fed_tcpa_text_stop(class) := object.union({"consent": {"sms": {"billing": true}}}, {"message_history": {"stop_events": [{"message_class": class}]}})

test_fed_tcpa_text if {
	id := "FED-TCPA-TEXT"
	now := {"keyword_revocation": true, "revoke_all": false, "per_day": 1, "per_week": 3}
	later := {"keyword_revocation": true, "revoke_all": true, "per_day": 1, "per_week": 3}
	yes := {"consent": {"sms": {"billing": true}}}
	kit.finds(id, text(now, yes)) == {"oblige include_opt_out"}
	kit.finds(id, text(now, {})) == {"deny", "oblige include_opt_out"}
	kit.finds(id, text(now, fed_tcpa_text_stop("billing"))) == {"deny", "oblige include_opt_out"}
	kit.finds(id, text(now, fed_tcpa_text_stop("marketing"))) == {"oblige include_opt_out"}
	kit.finds(id, text(later, fed_tcpa_text_stop("marketing"))) == {"deny", "oblige include_opt_out"}
	kit.finds(id, text({"keyword_revocation": false, "revoke_all": true}, fed_tcpa_text_stop("billing"))) == {"oblige include_opt_out"}
	kit.finds(id, text(now, object.union(yes, {"message_history": {"stop_events": [{}]}}))) == {"deny", "oblige include_opt_out"}
	kit.finds(id, object.union(text(now, {}), {"request": {"action": "send_push"}})) == set()
}

fed_tcpa_text_reminder(day, week) := object.union(
	text(
		{"keyword_revocation": true, "revoke_all": false, "per_day": 1, "per_week": 3},
		{"message_history": {"sent_today": day, "sent_week": week}},
	),
	{"request": {"message_class": "appointment_reminder"}},
)

test_fed_tcpa_text_exemption if {
	id := "FED-TCPA-TEXT"
	kit.finds(id, fed_tcpa_text_reminder(0, 2)) == {"oblige include_opt_out"}
	kit.finds(id, fed_tcpa_text_reminder(1, 2)) == {"deny", "oblige include_opt_out"}
	kit.finds(id, fed_tcpa_text_reminder(0, 3)) == {"deny", "oblige include_opt_out"}
}

test_fed_coppa if {
	id := "FED-COPPA"
	kit.finds(id, kit.enable({})) == {"require parental_consent_process"}
	kit.finds(id, kit.enable({"operator_for_profit": false})) == set()
	kit.finds(id, kit.enable({"operator_for_profit": false, "vendor": true})) == {"require parental_consent_process"}
	kit.finds(id, kit.use({"patient": {"age": 12}})) == {"deny"}
	kit.finds(id, kit.use({"patient": {"age": 13}})) == set()
	kit.finds(id, kit.use({"patient": {"age": 12}, "consent": {"parental_verifiable": true}})) == set()
	child := kit.on("third_party_api", kit.use({"patient": {"age": 12}, "consent": {"parental_verifiable": true}}))
	kit.finds(id, child) == {"deny"}
	kit.finds(id, object.union(child, {"facts": {"consent": {"parental_third_party": true}}})) == set()
}

test_fed_cms_0057 if {
	id := "FED-CMS-0057"
	kit.finds(id, kit.set(id, {"apis": false}, kit.on("plan_um", kit.enable({})))) == {"require prior_auth_operations"}
	kit.finds(id, kit.set(id, {"apis": true}, kit.on("billing_tools", kit.enable({"lines_of_business": ["ma"]})))) == {"require fhir_apis"}
	kit.finds(id, kit.set(id, {"apis": true}, kit.on("plan_um", kit.enable({"lines_of_business": ["commercial"]})))) == set()
}

test_fed_research_recruit if {
	id := "FED-RESEARCH-RECRUIT"
	kit.finds(id, kit.enable({})) == {"require irb"}
	kit.finds(id, kit.use({"patient": {"age": 40}})) == {"deny"}
	kit.finds(id, kit.use({"patient": {"age": 40}, "research": {"irb_waiver": true}})) == set()
	minor := {"patient": {"age": 17}, "consent": {"research_authorization": true}}
	kit.finds(id, kit.use(minor)) == {"deny"}
	kit.finds(id, kit.use(object.union(minor, {"consent": {"parental_permission": true, "minor_assent": true}}))) == set()
	kit.finds(id, kit.doing("show", kit.use({}))) == set()
}

visit(capability, facts) := kit.on(capability, kit.use(object.union({"patient": {"location_now": "US-XX"}}, facts)))

test_xs_license_patient_location if {
	id := "XS-LICENSE-PATIENT-LOCATION"
	attest := "oblige capture_location_attestation"
	kit.finds(id, visit("video_visit", {"clinician": {"licenses": ["US-XX"]}})) == {attest}
	kit.finds(id, visit("video_visit", {"clinician": {"licenses": ["US-YY"]}})) == {"deny", attest}
	kit.finds(id, kit.doing("show", visit("video_visit", {}))) == {attest}
	kit.finds(id, visit("messaging", {"message": {"content": "clinical"}})) == {"deny"}
	kit.finds(id, visit("messaging", {"message": {"content": "administrative"}})) == set()
	registered := visit("video_visit", {"clinician": {"licenses": [], "registrations": ["US-XX"]}})
	kit.finds(id, registered) == {"deny", attest}
	kit.finds(id, object.union(registered, {"tables": {"licensure": {"US-XX": {"registration": true}}}})) == {attest}
	away := visit("video_visit", {"clinician": {"licenses": []}, "relationship": {"established": true, "temporary_presence": true}})
	kit.finds(id, object.union(away, {"rules": {"OR-677-137-TELE": {}}})) == {attest}
}
