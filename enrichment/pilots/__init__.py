"""A draft of the waterfalls tried on a sample of the leads that wait."""
