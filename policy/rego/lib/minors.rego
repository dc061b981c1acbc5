# METADATA
# title: Who may see what a minor consented to
# description: |
#   The ages are a table, by jurisdiction and day. What nobody recorded is taken
#   to be the minor's own: an unknown item stays hidden.
package quorate.minors

import data.quorate.lib

row := input.tables.minors[input.jurisdiction]

minor if input.facts.patient.age < 18

parent_asks if {
	lib.using
	not lib.showing
	input.facts.requester in {"guardian", "parent", "proxy", "representative"}
}

self_consented if {
	minor
	may_consent
	not others_consented
}

others_consented if input.facts.item.consented_by in {"court", "guardian", "parent"}

# The table gives no age for this service: what is recorded as the minor's is.
may_consent if not listed

may_consent if {
	input.facts.patient.age >= row.services[input.facts.item.service]
	not immature
}

listed if input.facts.item.service in object.keys(row.services)

immature if {
	input.facts.item.service in row.mature
	input.facts.item.mature == false
}

# A region asks to hide, item by item, what minors consented to alone.
item_level_request if {
	lib.restricting
	input.request.item_level == true
	startswith(input.request.restriction, "hide:self_consented")
}
