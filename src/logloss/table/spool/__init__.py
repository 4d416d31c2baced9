"""A table that was read once, kept as a file: see `spool`."""
