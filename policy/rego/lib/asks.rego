# METADATA
# title: Words that the rules share
# description: What is asked, and the few facts that many rules look at.
package quorate.lib

# A region turns the capability on.
enabling if input.act == "enable"

# A region, or a person in one case, restricts access: a delay, a hold, a hide.
restricting if input.act == "restrict"

# A patient, a clinician or a service uses the capability.
using if input.act == "use"

# Showing a menu item starts nothing.
showing if input.request.action == "show"

# The restriction hides items, as in hide:self_consented.
hides if startswith(input.request.restriction, "hide:")

# The hours of a delay, as in delay_hours:72.
delay_hours := to_number(split(input.request.restriction, ":")[1]) if {
	startswith(input.request.restriction, "delay_hours:")
}

public_page if startswith(input.config.page, "public:")

# A page about reproductive or sexual health; a page that does not say is one.
repro_page if not input.config.page_topic == "other"

# A drug that is not known to be uncontrolled is controlled.
controlled if not input.facts.rx.schedule == "none"

licensed if input.facts.patient.location_now in input.facts.clinician.licenses

# A registration counts only where the table says that there is one.
registered if {
	input.tables.licensure[input.facts.patient.location_now].registration == true
	input.facts.patient.location_now in input.facts.clinician.registrations
}
