# METADATA
# title: "Unreviewed generative text says so"
# custom:
#   rule: CA-HSC-1339-75-AB3030
package quorate.rules["CA-HSC-1339-75-AB3030"]

import data.quorate.lib

finding contains {"effect": "oblige", "kind": "disclose", "params": {"text_class": "generated_by_ai", "placement": placement}} if unreviewed

finding contains {"effect": "oblige", "kind": "offer_human", "params": {"instructions": true}} if unreviewed

unreviewed if {
	lib.using
	input.facts.review.genai == true
	not input.facts.message.content == "administrative"
	not input.facts.review.reviewed_by_licensed_provider == true
}

# The strictest placement holds for a modality that nobody named.
default placement := "displayed throughout the interaction"

placement := "at the start of the message" if input.facts.message.modality in {"email", "letter"}

placement := "spoken at the start and at the end" if input.facts.message.modality == "audio"
