"""Which contact in GoHighLevel a lead may be written to: looked for first, and never somebody else's.

look  → the calls: the lead's own contact, and those with its e-mail and its number
rule  → what is done, from what was found, what the mirror knows and the setting
known → what the mirror knows of those contacts, and what is kept of a match
"""

from enrichment.pipeline.contacts.known import decide_all, held_back, shared_with_others
from enrichment.pipeline.contacts.look import Look, look_for
from enrichment.pipeline.contacts.rule import Plan

__all__ = ["Look", "Plan", "decide_all", "held_back", "look_for", "shared_with_others"]
