"""From a table and what is asked for to a certified point, and back again for a saved model."""
