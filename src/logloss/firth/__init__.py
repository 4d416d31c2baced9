"""Firth's estimate: finite on separated data, and without the first-order bias."""
