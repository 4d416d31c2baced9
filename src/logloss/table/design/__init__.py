"""Typed blocks side by side, as the kernels read them."""
