"""Where webhooks come in, and the log of them."""
