"""Vendors that are paused, by whom and why, and which Clay table takes new rows."""
