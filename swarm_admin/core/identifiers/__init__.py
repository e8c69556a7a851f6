"""The one canonical form of each identifier of a person (D27): e-mail address, phone number, LinkedIn profile.

Everything that stores, hashes, compares or looks up an identifier reads it through here: two spellings of one
mailbox, number or profile are one text afterwards. Each reader raises ValueError with a sentence that names the
rule and never the value.
"""
