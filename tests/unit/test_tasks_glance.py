"""The data of a training at a glance: its counts are those of the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from textwright.tasks.glance import glance
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe


def _write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_rows_labels_and_lengths_add_up(tmp_path: Path) -> None:
    rows = [f"text number {i} {'x' * i},{'yes' if i % 3 else 'no'}" for i in range(60)]
    found = glance(prepare_data(_write(tmp_path / "a.csv", ["text,label", *rows]), Recipe()))
    assert sum(found["rows"].values()) == 60
    assert {row["label"]: sum(row[p] for p in found["rows"]) for row in found["labels"]} == {
        "no": 20,
        "yes": 40,
    }
    assert sum(found["characters"]["counts"]) == 60
    assert found["characters"]["quantiles"]["1.0"] == len("text number 59 ") + 59
    assert found["files"][0]["name"] == "a.csv"


@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5], [i / 7 for i in range(60)]])
def test_scores_have_a_histogram_of_all_rows(tmp_path: Path, values: list[float]) -> None:
    rows = [f"text number {i} {'x' * i},{values[i % len(values)]}" for i in range(60)]
    recipe = Recipe.parse({"task": "score"})
    found = glance(prepare_data(_write(tmp_path / "a.csv", ["text,score", *rows]), recipe))
    target = found["target"]
    assert sum(target["counts"]) == 60 and len(target["edges"]) == len(target["counts"]) + 1
    assert "labels" not in found
