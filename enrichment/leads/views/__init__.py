"""The screens of leads: list, page, decisions, retries."""
