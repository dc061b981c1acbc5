# METADATA
# title: Who must sign what
# description: |
#   The group's own rules over a change: what is before and after, who asks, and
#   when. They allow, deny, warn, or require; they never give a power that a role
#   does not have. A routine, low-risk decision of a region needs nobody but its
#   lead. What can harm a patient is signed by clinical safety and by compliance,
#   what is about money and administration by the health plan. That a law is signed
#   by counsel and by compliance stands elsewhere, where no rule can take it away.
#
#   Whatever these rules do not know is denied.
# entrypoint: true
package quorate.gate

# What these rules have considered, by the noun of the action. Beside most of them
# nothing stands below: role and rule are enough.
considered := {
	"region", "facility", "capability", "offer", "enablement", "baseline", "freeze",
	"token", "access", "person", "delegation", "store", "usage", "denominator",
	"body", "seat", "cycle", "need", "case", "motion", "ballot", "note", "concern", "review",
	"policy", "waiver", "evidence", "opinion", "halt", "audit",
}

group_rule := "group rule: sign-offs"

# A capability that a region turns on, or has on in another way than before. To
# say again what is said already is no such thing, nor is any answer but enable.
enabling contains i if {
	some i, e in input.edits
	e.collection == "enablements"
	e.after.answer == "enable"
	not e.after.turned_off
	not as_before[i]
}

on_before contains i if {
	some i, e in input.edits
	e.collection == "enablements"
	e.before.answer == "enable"
	not e.before.turned_off
}

as_before contains i if {
	some i in on_before
	e := input.edits[i]
	how(e.before) == how(e.after)
}

how(enablement) := object.filter(enablement, ["how", "follow", "accepted", "offer"])

# What the group says of how a capability is on.
setting_baseline contains i if {
	some i, e in input.edits
	e.collection == "baselines"
	is_object(e.after)
}

# The capability that an edit is about, and the region: none for a baseline.
about[i] := capability if {
	some i in enabling
	capability := input.edits[i].key[1]
}

about[i] := capability if {
	some i in setting_baseline
	capability := input.edits[i].key[0]
}

place[i] := input.edits[i].key[0] if some i in enabling

place[i] := "" if some i in setting_baseline

class[i] := input.capabilities[capability] if some i, capability in about

# Risk and kind are closed words; one that is not known counts as the gravest.
modest contains i if {
	some i, c in class
	c.risk in {"low", "moderate"}
}

low contains i if {
	some i, c in class
	c.risk == "low"
}

clinical contains i if {
	some i, c in class
	c.kind == "clinical"
}

risky contains i if {
	some i, _ in about
	not modest[i]
}

of_the_plan contains i if {
	some i, _ in about
	not low[i]
	not clinical[i]
}

require contains sign_off("GATE-HIGH-RISK", role, place[i], message) if {
	some i in risky
	some role in ["clinical_safety", "compliance"]
	message := concat("", [about[i], " is of high risk to a patient if it works wrongly"])
}

require contains sign_off("GATE-HEALTH-PLAN", "health_plan", place[i], message) if {
	some i in of_the_plan
	message := concat("", [about[i], " is about money or administration, which is the health plan's too"])
}

sign_off(rule, role, region, message) := {
	"kind": "sign_off", "rule": rule, "citation": group_rule, "message": message,
	"role": role, "region": region, "count": 1, "apart": true,
}

# Who says that a capability is of less risk than before takes away a signature.
rank := {"low": 0, "moderate": 1, "high": 2}

eased contains i if {
	some i, e in input.edits
	e.collection == "capabilities"
	rank[e.after.risk] < rank[e.before.risk]
}

eased contains i if {
	some i, e in input.edits
	e.collection == "capabilities"
	e.before.kind in {"financial", "administrative"}
	e.after.kind == "clinical"
}

require contains sign_off("GATE-RECLASSIFIED", role, "", message) if {
	some i in eased
	some role in ["clinical_safety", "compliance"]
	message := concat("", [input.edits[i].key[0], " would need fewer signatures than before"])
}

# A freeze holds back what would turn on. The rule of the region says the same when
# it is asked; this says it again when a change that waited takes effect.
deny contains finding("GATE-FREEZE", message) if {
	some i in enabling
	not on_before[i]
	some freeze in input.frozen[place[i]]
	message := concat("", [place[i], " turns nothing on during its freeze ", freeze])
}

deny contains finding("GATE-EMERGENCY", "an emergency turns a capability on for a region, and this does not") if {
	input.emergency
	count(enabling) == 0
}

deny contains finding("GATE-UNKNOWN-ACTION", message) if {
	not acting
	message := concat("", ["these rules have not considered the action ", action])
}

default action := "without a name"

action := input.action if is_string(input.action)

acting if considered[split(action, ".")[0]]

deny contains finding("GATE-UNKNOWN-CAPABILITY", message) if {
	some i, capability in about
	not class[i]
	message := concat("", ["the class of ", capability, " is not known"])
}

deny contains finding("GATE-UNKNOWN-EDITS", "what the change would write is not known") if not edits_known

edits_known if {
	is_array(input.edits)
	every e in input.edits {
		is_string(e.collection)
		is_array(e.key)
	}
}

deny contains finding("GATE-UNKNOWN-FREEZES", "whether a freeze runs is not known") if {
	count(enabling) > 0
	not freezes_known
}

freezes_known if is_object(input.frozen)

warn contains finding("GATE-EMERGENCY", "in force ahead of its sign-offs, and taken back unless it is ratified in time") if {
	input.emergency
	count(enabling) > 0
}

finding(rule, message) := {"rule": rule, "citation": group_rule, "message": message}

result := {"deny": deny, "warn": warn, "require": require}
