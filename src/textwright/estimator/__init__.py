"""Textwright inside scikit-learn: `TextClassifier` and `TextRegressor` (extra `sklearn`)."""

from textwright.estimator.estimators import FitError, TextClassifier, TextRegressor

__all__ = ["FitError", "TextClassifier", "TextRegressor"]
