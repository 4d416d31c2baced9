"""What is known and said of a fit, as plain values with JSON both ways."""
