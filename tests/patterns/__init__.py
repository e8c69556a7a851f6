"""Whether a regular expression can be made slow by a text: judged from the source, for `make check`."""
