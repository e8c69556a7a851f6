"""Which contact in GoHighLevel a lead may be written to: looked for first, and never somebody else's.

look  → the calls: the lead's own contact, and those with its e-mail and its number
rule  → what is done, from what was found, what the mirror knows and the setting
known → what the mirror knows of those contacts, and what is kept of a match
"""
