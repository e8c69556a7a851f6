"""The first screen and its figures."""
