"""The waterfall document, the catalogue of providers and what they may be asked an hour."""
