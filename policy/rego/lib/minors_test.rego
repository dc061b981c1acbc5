package quorate.minors_test

import data.quorate.kit_test as kit

# A rule that hides what is the minor's own, seen through one of them.
rule := "WA-MINOR"

item(age, service, consented_by) := kit.use({"requester": "parent", "patient": {"age": age}, "item": {"service": service, "consented_by": consented_by}})

test_the_age_of_the_table_decides if {
	kit.finds(rule, item(14, "mental_health", "minor")) == {"deny"}
	kit.finds(rule, item(13, "mental_health", "minor")) == set()
	kit.finds(rule, item(3, "sti", "minor")) == {"deny"}
	kit.finds(rule, item(17, "general", "minor")) == set()
}

test_a_parents_consent_opens if {
	kit.finds(rule, item(15, "mental_health", "parent")) == set()
	kit.finds(rule, item(15, "mental_health", "court")) == set()
}

test_an_adult_has_no_parent if kit.finds(rule, item(18, "mental_health", "minor")) == set()

test_what_nobody_recorded_stays_hidden if {
	kit.finds(rule, kit.use({"requester": "proxy", "patient": {"age": 15}})) == {"deny"}
	kit.finds(rule, item(15, "sud", "minor")) == {"deny"}
}

test_an_immature_minor_could_not_consent if {
	doc := item(15, "mental_health", "minor")
	kit.finds(rule, object.union(doc, {"facts": {"item": {"mature": false}}})) == set()
}

test_showing_starts_nothing if kit.finds(rule, kit.doing("show", item(15, "mental_health", "minor"))) == set()

test_the_minor_asks if {
	doc := object.union(item(15, "mental_health", "minor"), {"facts": {"requester": "patient"}})
	kit.finds(rule, doc) == set()
}
