"""Arithmetic that float64 alone does not give."""
