"""Clay against the mirror: the hourly comparison, what differs, and how it is mended."""
