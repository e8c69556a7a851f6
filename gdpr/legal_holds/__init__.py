"""What must not be erased while a claim is open."""
