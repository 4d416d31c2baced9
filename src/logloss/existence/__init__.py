"""Is there a finite optimum: its proof, or the direction in which there is none, and the limit."""
