"""Files, queries and what other libraries hold, as streams of Arrow batches."""
