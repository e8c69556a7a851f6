"""The screens of subject requests."""
