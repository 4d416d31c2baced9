"""Model: what a fit gives back, and `logloss.fit`, which makes it."""
