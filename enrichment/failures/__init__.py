"""The Failures screen: what is broken, grouped by cause, and what mending it takes."""
