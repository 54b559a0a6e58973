"""Rows that are held out in turn, where there are few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textwright import api
from textwright.core.errors import ConfigError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.core.seeds import generator
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.text.split import fold_rows


def written(path: Path, signal: float, num_rows: int = 150) -> Path:
    """Two labels that single words tell apart, as often as `signal` says."""
    rng, lines = generator(3, "folds"), ["text,label"]
    for i in range(num_rows):
        label = ("yes", "no")[i % 2]
        said = label if rng.random() < signal else ("yes", "no")[rng.integers(2)]
        lines.append(f"w{said} {' '.join(f'n{n}' for n in rng.integers(200, size=6))} {i},{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_folds_keep_twins_together_and_labels_spread() -> None:
    strata, groups = np.repeat([0, 1, 2], [60, 30, 5]), np.arange(95) // 2
    fold = fold_rows(strata, groups, folds=5, seed=0)
    assert all(len(set(fold[groups == group])) == 1 for group in range(48))
    assert np.bincount(fold).min() >= 17
    assert all(abs(np.bincount(fold[strata == 0], minlength=5) - 12) <= 3)


def test_no_model_answers_a_row_that_it_has_learned_from(tmp_path: Path) -> None:
    """Labels at random: whoever had seen the rows would have more than half of them right."""
    data = written(tmp_path / "a.csv", 0.0)
    asked = Recipe.parse({"budget": {"steps": 3000}, "candidates": ["bag", "cnn"]})
    found = api.train(data, tmp_path / "m", asked)
    done = [c for c in found.candidates if c.status == "done"]
    assert len(done) >= 4 and {c.scores["accuracy"].n for c in done} == {135}
    assert all(c.scores["accuracy"].value < 0.68 for c in done)


def test_all_rows_that_are_not_locked_decide(tmp_path: Path) -> None:
    notes: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    asked = Recipe.parse({"budget": {"steps": 3000}, "candidates": ["bag", "cnn"]})
    found = api.train(written(tmp_path / "a.csv", 0.8), tmp_path / "m", asked, sink=sink)
    assert (
        "135 rows to train on and to choose on, held out in 5 parts in turn, 15 to test on (locked)" in notes
    )
    bag = found.candidates[0]
    assert bag.scores["accuracy"].n == 135 and bag.scores["accuracy"].value > 0.75
    again = api.train(tmp_path / "a.csv", tmp_path / "n", asked)
    assert [c.scores for c in again.candidates] == [c.scores for c in found.candidates]


def test_a_model_that_is_named_has_no_folds_unless_asked(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", 0.8)
    one = Recipe.parse({"model": {"name": "bag"}})
    assert prepare_data(data, one).folds is None
    fold = prepare_data(data, one.replaced({"split.folds": 3})).folds
    assert fold is not None and set(fold) == {0, 1, 2}
    assert prepare_data(written(tmp_path / "b.csv", 0.8, 1800), Recipe()).folds is not None
    assert prepare_data(written(tmp_path / "c.csv", 0.8, 2200), Recipe()).folds is None
    with pytest.raises(ConfigError, match="more than half of the 135 rows"):
        prepare_data(data, one.replaced({"split.folds": 100}))
    with pytest.raises(ConfigError, match="a threshold is that of one model"):
        prepare_data(data, one.replaced({"split.folds": 3, "reject.wrong": 0.1}))
    assert prepare_data(data, Recipe.parse({"reject": {"wrong": 0.1}})).folds is None
    found = api.train(data, tmp_path / "m", one.replaced({"split.folds": 3, "split.test": 0}))
    assert (found.split, found.scores["accuracy"].n) == ("validation", 150)


def test_ctrl_c_in_the_first_fold_keeps_a_model_without_scores(tmp_path: Path) -> None:
    def sink(event: Event) -> None:
        if not isinstance(event, Note) and event.scores:
            raise KeyboardInterrupt

    found = api.train(written(tmp_path / "a.csv", 0.8), tmp_path / "m", Recipe(), sink=sink)
    assert found.interrupted and api.load(found.out).predict(["wyes"])
