"""By when the law wants an answer."""
