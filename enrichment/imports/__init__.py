"""Leads from a file: upload, mapping of columns, import as long work."""
