"""The screens of the compliance desk."""
