"""Where the rows live: one file a place."""
