"""What estimators cannot take is said in words of Python: which row, which parameter, and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from test_estimator import LABELS, SCORES, TEXTS, fitted

from checkpoints import tiny_checkpoint
from textwright.core.errors import CheckpointError, ConfigError
from textwright.estimator import FitError, TextClassifier, TextRegressor

DAYS = np.datetime64("2024-01-01") + np.arange(60)


@pytest.mark.parametrize("dtype", ["string", object])
@pytest.mark.parametrize("missing", [pandas.NA, None, pandas.NaT, float("nan"), np.float32("nan")])
def test_a_missing_text_is_named_by_its_row(missing: Any, dtype: Any) -> None:
    X = pandas.Series([*TEXTS[:-1], missing], dtype=dtype)
    for ask in (lambda: TextClassifier("bag").fit(X, LABELS), lambda: fitted(TextClassifier).predict(X)):
        with pytest.raises(FitError, match=r"row 59 .*the text is missing"):
            ask()
    with pytest.raises(FitError, match=r"row 1 .*the text is missing"):
        fitted(TextClassifier).predict(["a", missing])


@pytest.mark.parametrize(
    "y", [[*LABELS[:-1], pandas.NA], pandas.Series([*LABELS[:-1], pandas.NA], dtype="string")]
)
def test_a_missing_class_is_named_by_its_row(y: Any) -> None:
    with pytest.raises(FitError, match=r"NaN: row 59 .*has no class"):
        TextClassifier("bag").fit(TEXTS, y)


def test_a_missing_score_is_named_by_its_row() -> None:
    with pytest.raises(FitError, match=r"NaN: row 59 .*has no score"):
        TextRegressor("bag").fit(TEXTS, [*SCORES[:-1], pandas.NA])


def test_texts_and_numbers_are_no_classes_together() -> None:
    for order in (1, -1):
        y = np.array(["a", 1][::order] * 30, dtype=object)
        with pytest.raises(FitError, match=r"row . holds 'a', row . 1 \(int\)\nMake texts of all"):
            TextClassifier("bag").fit(TEXTS, y)


def test_a_float_that_no_record_can_hold_is_no_class() -> None:
    y = np.arange(60).astype(np.longdouble) % 2
    if y.dtype.itemsize == 8:
        pytest.skip("a long float is no longer than others here")
    with pytest.raises(FitError, match="y holds"):
        TextClassifier("bag").fit(TEXTS, y)


@pytest.mark.parametrize(
    "y", [DAYS, DAYS - DAYS[0], pandas.Series(DAYS), DAYS.astype("datetime64[D]").astype(object), [*DAYS]]
)
def test_times_are_no_scores(y: Any) -> None:
    with pytest.raises(FitError, match="scores are numbers"):
        TextRegressor("bag").fit(TEXTS, y)
    with pytest.raises(FitError, match="y holds times"):
        TextRegressor("bag").fit(TEXTS, np.array([*DAYS], dtype=object))


@pytest.mark.parametrize("size", [1e76, 1e154, 1e308, 10**400])
def test_scores_too_large_to_compute_with_are_refused(size: Any) -> None:
    y = np.array([size, -size] * 30, dtype=None if isinstance(size, float) else object)
    with pytest.raises(FitError, match=r"row 0 .*1e\+\d+ is too large|too large to convert"):
        TextRegressor("bag").fit(TEXTS, y)


def test_large_scores_are_learned() -> None:
    found = TextRegressor("bag").fit(TEXTS, np.array(SCORES) * 2e74).predict(TEXTS[:4]) / 2e74
    assert found == pytest.approx(TextRegressor("bag").fit(TEXTS, SCORES).predict(TEXTS[:4]), rel=1e-3)


@pytest.mark.parametrize("settings", [["a"], "a=b", {1: 2}])
def test_settings_are_names_and_values(settings: Any) -> None:
    with pytest.raises(TypeError, match="settings: expected names and values"):
        TextClassifier("bag", settings=settings).fit(TEXTS, LABELS)


def test_a_start_is_a_path_too(tmp_path: Path) -> None:
    model = TextClassifier(start=tmp_path, settings={"vectors.path": tmp_path / "vectors.txt"})
    recipe = model._recipe()
    assert recipe.model["checkpoint"] == os.fspath(tmp_path)
    assert recipe.vectors.path == os.fspath(tmp_path / "vectors.txt")
    assert model.start is tmp_path and model.get_params()["start"] is tmp_path
    with pytest.raises(CheckpointError, match="no such folder"):
        TextClassifier(start=tmp_path / "none").fit(TEXTS, LABELS)


def test_it_learns_from_a_start_that_is_a_path(tmp_path: Path) -> None:
    model = TextClassifier(start=tiny_checkpoint(tmp_path / "encoder"), settings={"learn.epochs": 1})
    assert model.fit(TEXTS, LABELS).predict_proba(TEXTS[:3]).shape == (3, 2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"validation": 0}, "Name one with 'model', or leave 'validation' above 0"),
        ({"validation": 1.5}, "^'validation': Input should be less than 1"),
        ({"minutes": -1}, "^'minutes': Input should be greater than 0"),
        ({"seed": "a"}, "^'seed': Input should be a valid integer"),
        ({"start": 3}, "^'start': Input should be a valid string"),
        ({"model": "pretrained"}, r"Give one: start='FOLDER'"),
        ({"settings": {"model.hidden": 3}}, "Name it with 'model': bag"),
        ({"settings": {"split.validation": 0.2}}, "'split.validation' is not for settings to say"),
    ],
)
def test_errors_name_the_parameter(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        TextClassifier(**parameters).fit(TEXTS, LABELS)
    assert "--" not in str(caught.value)
    assert caught.value.args == (caught.value.message,)
