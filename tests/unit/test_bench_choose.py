"""The statistics of the table of choices, against hand-made cases and scikit-learn."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.metrics import f1_score

import render_numbers

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("choose")


def test_p_values_are_corrected_as_holm_did(choose: ModuleType) -> None:
    assert choose.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert choose.holm([0.9, 0.8]) == [1.0, 1.0]


def test_macro_f1_is_that_of_scikit_learn(choose: ModuleType) -> None:
    rng = np.random.default_rng(0)
    truth, answers = rng.integers(5, size=200), rng.integers(4, size=200)
    assert choose.macro_f1(truth, answers, 5) == pytest.approx(f1_score(truth, answers, average="macro"))


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_a_difference_is_found_and_none_where_there_is_none(choose: ModuleType, metric: str) -> None:
    truth = ["a", "b"] * 200
    right, wrong = list(truth), ["b" if i % 10 == 0 else label for i, label in enumerate(truth)]
    value, low, high, p_value = choose.paired(truth, [right], [wrong, wrong], metric)
    assert value == pytest.approx(0.1, abs=0.01) and 0 < low < value < high and p_value < 0.01
    assert choose.paired(truth, [wrong], [wrong], metric) == (0, 0, 0, 1)


def test_the_page_of_numbers_counts_as_the_table_does(choose: ModuleType) -> None:
    assert choose.BY_MACRO_F1 == render_numbers.BY_MACRO_F1
    assert choose.PEERS == render_numbers.PEERS_OF_CHOICE
