"""How columns become coefficients: learned from a training table, saved with the model."""
