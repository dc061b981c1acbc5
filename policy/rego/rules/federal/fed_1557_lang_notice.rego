# METADATA
# title: "A notice that language help is available"
# custom:
#   rule: FED-1557-LANG-NOTICE
package quorate.rules["FED-1557-LANG-NOTICE"]

import data.quorate.lib

finding contains {"effect": "require", "evidence": "language_notice"} if lib.enabling
