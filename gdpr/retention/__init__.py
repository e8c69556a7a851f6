"""What has been kept long enough, and its removal."""
