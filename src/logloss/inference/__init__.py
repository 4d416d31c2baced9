"""What a fit says beyond its coefficients. Reads a fitted record and the evidence behind it."""
