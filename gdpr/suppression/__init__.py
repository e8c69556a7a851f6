"""Who must not be processed: the gate that asks, the list that is kept."""
