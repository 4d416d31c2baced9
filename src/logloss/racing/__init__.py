"""A race of several solvers on one objective."""
