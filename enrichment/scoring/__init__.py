"""The ICP scorecard: the document, the one engine that evaluates and explains it, and the nearest lift."""
