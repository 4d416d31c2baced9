"""What a fit says beyond its coefficients: standard errors, limits, tests, effects, influence.

Reads the record of a fit and, where that does not hold the answer, its evidence.
"""
