# METADATA
# title: "Web and mobile content meets WCAG 2.1 AA"
# custom:
#   rule: FED-504-WEB
package quorate.rules["FED-504-WEB"]

settings := input.rules["FED-504-WEB"]

finding contains {"effect": "require", "evidence": "usability_wcag"} if due

finding contains {"effect": "oblige", "kind": "remediation_plan", "params": {"due": settings.due[size]}} if not due

due if settings.required[size]

default size := "large"

size := "small" if input.config.employees < 15
