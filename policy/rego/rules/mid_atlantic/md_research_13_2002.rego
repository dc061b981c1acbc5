# METADATA
# title: "A review board for all research on people"
# custom:
#   rule: MD-RESEARCH-13-2002
package quorate.rules["MD-RESEARCH-13-2002"]

import data.quorate.lib

finding contains {"effect": "require", "evidence": "irb"} if lib.enabling
