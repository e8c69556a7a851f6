"""The Webhooks and Deliveries screens: what Clay told us, what we handed over, and doing it again."""
