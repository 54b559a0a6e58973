"""Logistic regression of few features: scikit-learn's where the prior is around 0, else the prior counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from textwright.core.seeds import generator
from textwright.measure.logistic import fit_logistic


def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = generator(0, "logistic", n)
    rows = rng.normal(size=(n, 4)) * [1.0, 3.0, 0.1, 1.0]
    chances = 1 / (1 + np.exp(-(rows @ [1.0, -0.5, 4.0, 0.0] + 0.7)))
    return rows, (rng.random(n) < chances).astype(int)


@pytest.mark.parametrize(("n", "precision"), [(40, 1.0), (400, 1.0), (400, 0.01)])
def test_it_is_that_of_scikit_learn_where_nothing_is_known_before(n: int, precision: float) -> None:
    rows, truth = drawn(n)
    found = fit_logistic(rows, truth, np.zeros(4), precision)
    other = LogisticRegression(C=1 / precision, tol=1e-10, max_iter=10_000).fit(rows, truth)
    assert found.weights == pytest.approx(other.coef_[0], abs=1e-5)
    assert found.bias == pytest.approx(other.intercept_[0], abs=1e-5)
    assert found.chances(rows) == pytest.approx(other.predict_proba(rows)[:, 1], abs=1e-6)


def test_what_no_row_shows_stays_what_was_expected() -> None:
    rows, truth = drawn(400)
    with_alarm = np.column_stack([rows, np.zeros(len(rows))])
    found = fit_logistic(with_alarm, truth, np.array([0.0, 0, 0, 0, -2]))
    assert found.weights[-1] == pytest.approx(-2)
    with_alarm[:200, -1] = 1.0
    truth[:200] = 1
    assert fit_logistic(with_alarm, truth, np.array([0.0, 0, 0, 0, -2])).weights[-1] > 1, (
        "rows tell otherwise"
    )


def test_rows_that_one_feature_parts_have_finite_weights() -> None:
    rows = np.linspace(-1, 1, 200)[:, None] * 1e3
    found = fit_logistic(rows, rows[:, 0] > 0, np.zeros(1))
    assert np.isfinite(found.weights).all() and np.isfinite(found.chances(rows)).all()
    with pytest.raises(ValueError, match="alike"):
        fit_logistic(rows, np.ones(200), np.zeros(1))
