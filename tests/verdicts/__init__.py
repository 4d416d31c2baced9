"""The search for false verdicts on separation: random tables, and what is true of them exactly.

`draw` makes a table of a seed, `oracle` finds in whole numbers the rows that can be told apart, and
`judge` compares that with the verdict of a fit. `make prove-verdicts` does so for 50,000 seeds;
`python tests/verdicts SEED` shows one. Nothing here shares code with the package.
"""
