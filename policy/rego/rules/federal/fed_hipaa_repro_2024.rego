# METADATA
# title: "Tombstone: attestation before reproductive health data is used"
# custom:
#   rule: FED-HIPAA-REPRO-2024
package quorate.rules["FED-HIPAA-REPRO-2024"]

import data.quorate.lib

finding contains {"effect": "require", "evidence": "repro_attestation"} if lib.enabling
