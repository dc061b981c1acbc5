# METADATA
# title: What the rules in force find
# description: |
#   Go hands over the rules that are in force for one jurisdiction, one
#   capability, one actor and one act; each is asked what it finds. A rule that
#   does not answer is missing from answered, and the caller then denies.
# entrypoint: true
package quorate.decide

findings[id] contains finding if {
	some id, _ in input.rules
	some finding in data.quorate.rules[id].finding
}

answered contains id if {
	some id, _ in input.rules
	is_set(data.quorate.rules[id].finding)
}

# A legal basis that a rule in force gives to a delay, a hold or a hide.
bases contains object.union(basis, {"rule": id}) if {
	some id, _ in input.rules
	some basis in data.quorate.rules[id].basis
}

# An exception from the need of a licence that a rule in force gives.
exceptions contains exception if {
	some id, _ in input.rules
	some exception in data.quorate.rules[id].exception
}

# A relaxation of a rule's own denial whose conditions hold.
relaxations[id] contains relaxation if {
	some id, _ in input.rules
	some relaxation in data.quorate.rules[id].relaxation
}

based contains basis.rule if some basis in bases

result := {
	"answered": answered,
	"findings": findings,
	"relaxations": relaxations,
	"based": based,
}
