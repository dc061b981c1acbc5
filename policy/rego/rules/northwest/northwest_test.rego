package quorate.northwest_test

import data.quorate.kit_test as kit

parent(facts) := kit.use(object.union({"requester": "parent", "patient": {"age": 15}, "item": {"service": "mental_health", "consented_by": "minor"}}, facts))

hide := kit.restrict({"restriction": "hide:self_consented", "item_level": true})

visit(capability, facts) := kit.on(capability, kit.use(object.union({"patient": {"location_now": "US-XX"}, "clinician": {"licenses": ["US-YY"]}}, facts)))

test_or_minor if {
	id := "OR-MINOR"
	kit.finds(id, parent({})) == {"deny", "oblige involve_parent"}
	kit.finds(id, parent({"determination": {"clinician_release": true}})) == {"oblige involve_parent"}
	kit.finds(id, parent({"item": {"service": "sti"}})) == {"deny"}
	count(kit.gives(id, "basis", hide)) == 1
}

test_or_677_137_tele if {
	id := "OR-677-137-TELE"
	away := {"relationship": {"established": true, "temporary_presence": true}}
	kit.finds(id, visit("video_visit", away)) == {"oblige record_exception"}
	kit.gives(id, "exception", visit("video_visit", away)) == {"ORS 677.137(3)(b)"}
	kit.gives(id, "exception", visit("video_visit", {"relationship": {"established": true}})) == set()
	kit.gives(id, "exception", visit("video_visit", {"relationship": {"temporary_presence": true}})) == set()
	kit.gives(id, "exception", visit("video_visit", {"relationship": {"established": true, "intermittent_follow_up": true}})) == {"ORS 677.137(3)"}
	peer := {"relationship": {"peer_consult": true}}
	count(kit.gives(id, "exception", visit("econsult", peer))) == 1
	kit.gives(id, "exception", visit("video_visit", peer)) == set()
	kit.finds(id, visit("video_visit", object.union(away, {"clinician": {"licenses": ["US-XX"]}}))) == set()
}

test_or_sb1546_chatbot if {
	id := "OR-SB1546-CHATBOT"
	owed := {"oblige disclose", "oblige self_harm_protocol"}
	kit.finds(id, kit.enable({})) == {"oblige self_harm_protocol"}
	kit.finds(id, kit.enable({"companion": false})) == set()
	kit.finds(id, kit.use({"ai": {"companion": true}})) == owed
	kit.finds(id, kit.use({"ai": {"companion": true, "mistakable_for_human": false}})) == set()
	kit.finds(id, kit.use({"ai": {"companion": false}})) == set()
}

test_wa_minor if {
	id := "WA-MINOR"
	kit.finds(id, parent({})) == {"deny"}
	kit.finds(id, parent({"consent": {"minor_release": true}})) == set()
	count(kit.gives(id, "basis", hide)) == 1
}

wa_19_373_mhmda_page(config) := kit.on("trackers", kit.enable(object.union({"page": "public:clinics"}, config)))

test_wa_19_373_mhmda if {
	id := "WA-19-373-MHMDA"
	all := {"consent": true}
	early := {"consent": false}
	kit.finds(id, kit.set(id, all, wa_19_373_mhmda_page({}))) == {"deny"}
	kit.finds(id, kit.set(id, early, wa_19_373_mhmda_page({}))) == set()
	kit.finds(id, kit.set(id, early, wa_19_373_mhmda_page({"geofence": true}))) == {"deny"}
	kit.finds(id, kit.set(id, all, wa_19_373_mhmda_page({"consent": true}))) == {"require consumer_health_policy"}
	kit.finds(id, kit.set(id, all, wa_19_373_mhmda_page({"consent": true, "sells_sensitive_data": true}))) == {"deny", "require consumer_health_policy"}
	sold := wa_19_373_mhmda_page({"consent": true, "sells_sensitive_data": true, "sale_authorization": true})
	kit.finds(id, kit.set(id, all, sold)) == {"require consumer_health_policy"}
	kit.finds(id, kit.set(id, all, kit.on("device_pghd", kit.enable({"non_phi_health_data": true})))) == {"deny"}
	kit.finds(id, kit.set(id, all, kit.on("device_pghd", kit.enable({})))) == set()
}

test_wa_18_134_uta if {
	id := "WA-18-134-UTA"
	kit.finds(id, visit("video_visit", {})) == {"deny"}
	kit.finds(id, visit("video_visit", {"clinician": {"licenses": ["US-XX"]}})) == set()
	kit.finds(id, visit("video_visit", {"relationship": {"peer_consult": true}})) == set()
	kit.finds(id, visit("video_visit", {"relationship": {"specialty_assessment": true}})) == set()
	kit.finds(id, visit("video_visit", {"clinician": {"licenses": ["US-XX"]}, "relationship": {"formed_by": "messages"}})) == {"deny"}
	kit.finds(id, visit("messaging", {"message": {"content": "clinical"}})) == {"deny"}
	kit.finds(id, visit("messaging", {"message": {"content": "administrative"}})) == set()
}

test_wa_hb2225_companion if {
	id := "WA-HB2225-COMPANION"
	kit.finds(id, kit.enable({})) == {"oblige publish_statistics"}
	kit.finds(id, kit.enable({"companion": false})) == set()
	kit.finds(id, kit.use({"ai": {"companion": true}})) == {"oblige disclose", "oblige self_harm_protocol"}
	kit.gives(id, "hours", kit.use({"patient": {"age": 17}})) == 1
	kit.gives(id, "hours", kit.use({"patient": {"age": 18}})) == 3
}
