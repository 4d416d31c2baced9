"""logloss as scikit-learn estimators."""
