"""What a fit says about the coefficients: standard errors, limits, tests, effects.

Reads the record of a fit and, where that does not hold the answer, its evidence.
"""
