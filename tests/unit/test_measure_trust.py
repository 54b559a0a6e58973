"""Chances that go with answers: true ones are found calibrated, boasting ones are not, and order is seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from textwright.core.errors import DataError
from textwright.core.seeds import generator
from textwright.measure.trust import TrustMeter


def measured(chances: np.ndarray, good: np.ndarray) -> TrustMeter:
    meter = TrustMeter()
    for part in range(3):  # in parts, as answers come
        meter.update(chances[part::3], good[part::3])
    return meter


def test_true_chances_are_calibrated_and_boasting_ones_are_not() -> None:
    rng = generator(0, "trust")
    chances = rng.random(2_000)
    good = rng.random(2_000) < chances
    honest, boasting = measured(chances, good), measured(np.sqrt(chances), good)
    ece, floor = honest.scores()["ece"], honest.details()["noise_floor"]
    assert ece.value < 1.6 * floor and ece.low < 0.01
    assert boasting.scores()["ece"].low > 3 * floor
    one, other = honest.scores()["auc"], boasting.scores()["auc"]
    assert one.value == pytest.approx(roc_auc_score(good, chances)) == pytest.approx(other.value)
    assert one.low > 0.75


def test_chances_without_order_say_so() -> None:
    rng = generator(1, "trust")
    auc = measured(rng.random(300), rng.random(300) < 0.5).scores()["auc"]
    assert auc.low < 0.5 < auc.high
    alike = measured(rng.random(30), np.ones(30, bool))
    assert alike.scores()["auc"].to_json()["value"] is None
    assert json.loads(json.dumps(alike.details()))["good"]["value"] == 1.0
    with pytest.raises(DataError):
        TrustMeter().scores()


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=60))
def test_the_curve_ends_at_all_rows_and_parts_no_equals(rows: list[tuple[float, bool]]) -> None:
    chances, good = (np.array(column) for column in zip(*rows, strict=True))
    points = measured(chances, good.astype(bool)).details()["risk_coverage"]
    assert points[-1]["coverage"] == 1.0 and points[-1]["risk"] == pytest.approx(1 - good.mean())
    for point in points:
        chosen = chances >= point["least"]
        assert chosen.sum() == point["n"] and point["risk"] == pytest.approx(1 - good[chosen].mean())
        assert point["low"] <= point["risk"] <= point["high"]
