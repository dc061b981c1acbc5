# METADATA
# title: "Tombstone: the Colorado AI act that never took effect"
# custom:
#   rule: CO-SB24-205-TOMBSTONE
package quorate.rules["CO-SB24-205-TOMBSTONE"]

import data.quorate.lib

finding contains {"effect": "review", "question": "This act was repealed before it took effect. Why is it in force here?"} if lib.enabling
