"""Clay's public API: routines that are run over items, read by polling, announced by a signed pointer."""
