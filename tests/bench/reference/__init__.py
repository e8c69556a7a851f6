"""What the product is measured against: stock Django, on the same server over the same tables."""
