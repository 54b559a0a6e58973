"""Temperatures against a fine grid of the loss they minimise, and the links at their ends."""

from __future__ import annotations

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.measure.base import Array
from textwright.measure.calibrate import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    fit_temperature,
    fit_temperature_binary,
    sigmoid,
    softmax,
)


def drawn(scale: float, num_rows: int = 4000) -> tuple[Array, Array]:
    """Logits whose softmax at temperature `scale` is the chance by which the truth is drawn."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(num_rows, 3))
    chance = np.cumsum(softmax(logits), axis=1)
    truth = np.minimum((rng.random((num_rows, 1)) > chance).sum(axis=1), 2)
    return logits * scale, truth


def loss(logits: Array, truth: Array, temperature: float) -> float:
    return float(-np.log(softmax(logits / temperature)[np.arange(len(truth)), truth]).mean())


@pytest.mark.parametrize("scale", [0.05, 0.5, 1.0, 3.0, 20.0])
def test_temperature_is_found_and_is_the_minimum(scale: float) -> None:
    logits, truth = drawn(scale)
    found = fit_temperature(logits, truth)
    assert found == pytest.approx(scale, rel=0.1)
    best = loss(logits, truth, found)
    assert all(loss(logits, truth, found * (1 + step)) > best for step in (-0.01, 0.01, -1e-3, 1e-3))


def test_temperature_does_not_depend_on_a_shift_of_a_row() -> None:
    logits, truth = drawn(2.0, 300)
    shifted = logits + np.random.default_rng(1).normal(size=(300, 1)) * 100
    assert fit_temperature(shifted, truth) == pytest.approx(fit_temperature(logits, truth), rel=1e-5)
    assert fit_temperature(logits.astype(np.float32), truth) == pytest.approx(fit_temperature(logits, truth))


def test_binary_temperature() -> None:
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(3000, 2))
    truth = (rng.random((3000, 2)) < sigmoid(logits)).astype(int)
    assert fit_temperature_binary(3 * logits, truth) == pytest.approx(3.0, rel=0.1)
    # One logit against its softmax twin with the other logit at 0.
    pair = np.column_stack([np.zeros(3000), logits[:, 0]])
    assert fit_temperature_binary(logits[:, :1], truth[:, :1]) == pytest.approx(
        fit_temperature(pair, truth[:, 0]), rel=1e-5
    )


def test_all_right_leaves_the_model_as_it_is() -> None:
    assert fit_temperature([[5.0, 0.0], [0.0, 1.0]], [0, 1]) == 1.0
    assert fit_temperature_binary([[5.0], [-3.0]], [[1], [0]]) == 1.0


def test_bounds() -> None:
    worse_than_chance = [[5.0, 0.0]] * 10
    assert fit_temperature(worse_than_chance, [1] * 9 + [0]) == MAX_TEMPERATURE
    assert fit_temperature_binary([[5.0]] * 10, [[0]] * 9 + [[1]]) == MAX_TEMPERATURE
    assert fit_temperature([[1e-4, 0.0]] * 10, [0] * 9 + [1]) == MIN_TEMPERATURE


def test_constant_logits() -> None:
    assert MIN_TEMPERATURE <= fit_temperature([[1.0, 1.0]] * 4, [0, 1, 0, 1]) <= MAX_TEMPERATURE


def test_links_are_stable() -> None:
    assert softmax([[-1e4, 0.0, 1e4]]).tolist() == [[0.0, 0.0, 1.0]]
    assert softmax(np.zeros((2, 4), dtype=np.float32)).dtype == np.float64
    assert sigmoid([-40.0])[0] == pytest.approx(np.exp(-40.0), rel=1e-12)
    assert sigmoid(3.0) + sigmoid(-3.0) == pytest.approx(1.0)


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match=r"row 1 .*not finite"):
        fit_temperature([[0.0, 1.0], [np.nan, 0.0]], [0, 1])
    with pytest.raises(DataError, match="class id is 2"):
        fit_temperature([[0.0, 1.0]], [2])
    with pytest.raises(DataError, match="expected 0 or 1"):
        fit_temperature_binary([[0.0]], [[3]])
    with pytest.raises(DataError, match="no row"):
        fit_temperature(np.zeros((0, 2)), [])
    with pytest.raises(ValueError, match="shape"):
        fit_temperature(np.zeros(3), [0, 1, 0])
