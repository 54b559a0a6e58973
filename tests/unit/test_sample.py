"""The packaged sample is what its truth file says, and neither too easy nor too hard."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import textwright

FOLDER = Path(textwright.__file__).parent / "sample"
LANGUAGES = ("en", "zh")


def read(language: str) -> tuple[list[dict[str, str]], dict]:  # type: ignore[type-arg]
    with (FOLDER / f"reviews.{language}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads((FOLDER / f"flaws.{language}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_600_rows_with_labels_and_scores(language: str) -> None:
    rows, _ = read(language)
    assert len(rows) == 600
    assert len({row["label"] for row in rows}) == 2
    assert all(1 <= float(row["score"]) <= 5 for row in rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_flaws_are_where_the_truth_file_says(language: str) -> None:
    rows, flaws = read(language)
    texts = [""] + [row["text"] for row in rows]
    assert all(texts[a] == texts[b] for a, b in flaws["exact_twins"])
    assert all(texts[a] != texts[b] for a, b in flaws["near_twins"])
    assert len(set(texts[1:])) == 600 - len(flaws["exact_twins"])
    phrase = flaws["shortcut"]["phrase"]
    assert {i for i, text in enumerate(texts) if phrase in text} == {
        *flaws["shortcut"]["rows"],
        *flaws["shortcut"]["exceptions"],
    }
    assert all(entry["text"] in texts[entry["row"]] for entry in flaws["personal_data"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_label_contradicts_its_score(language: str) -> None:
    rows, flaws = read(language)
    good = max(rows, key=lambda row: float(row["score"]))["label"]
    for number in flaws["wrong_labels"]:
        row = rows[number - 1]
        assert (row["label"] == good) != (float(row["score"]) > 3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_bag_is_right_on_80_to_95_per_cent_by_cross_validation(language: str, tmp_path: Path) -> None:
    rows, _ = read(language)
    order = np.random.default_rng(0).permutation(len(rows))
    recipe = textwright.Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})
    right = 0.0
    for fold in range(5):
        held_out = set(order[fold::5].tolist())
        _write(tmp_path / "train.csv", [row for i, row in enumerate(rows) if i not in held_out])
        _write(tmp_path / "test.csv", [row for i, row in enumerate(rows) if i in held_out])
        trained = textwright.train(tmp_path / "train.csv", tmp_path / "m", recipe, test=tmp_path / "test.csv")
        right += trained.scores["accuracy"].value * len(held_out)
    assert 0.80 < right / len(rows) < 0.95


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
