"""The search for false certificates: random problems, their exact minimum, and a judge.

`draw` makes a problem of a seed, `exact` finds the minimum of F over the very floats that the
program is given, `judge` compares the two, and `campaign` does so for thousands of seeds in all
processes. `make prove` runs it; `python -m tests.search SEED` shows one problem. Nothing here
shares code with the package: what it asks of a model is in `point.py`.
"""
