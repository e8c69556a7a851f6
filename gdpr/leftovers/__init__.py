"""Is anything left of a person? Rows, files, caches and the systems outside, searched in all usual encodings."""
