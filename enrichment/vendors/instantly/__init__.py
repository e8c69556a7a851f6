"""Instantly: the client and what goes over its wire."""
