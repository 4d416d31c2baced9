"""What is minimised, and what is proven of a point: the protocols, the penalty, the duality gap."""
