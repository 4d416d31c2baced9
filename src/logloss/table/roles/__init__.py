"""What is no feature: the target, weights, an offset and groups, taken out of a table."""
