"""Benchmarks: time to a known distance from the optimum, against other libraries."""
