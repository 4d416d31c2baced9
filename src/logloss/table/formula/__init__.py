"""Formulas: terms of columns, with splines and interactions, in the place of columns."""
