"""Webhooks of Clay tables that rows go into: which one is in use, how much of its life is left, and for how long."""
