"""The page of a comparison: its verdict agrees with the record, and nothing in a text can break it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import textwright
from textwright.report.comparison import read_comparison, render_comparison
from textwright.report.folder import make_comparison

SAMPLE = Path(textwright.__file__).parent / "sample" / "reviews.en.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compared") / "rates"
    recipe = textwright.Recipe.parse({"budget": {"minutes": 1}, "learn": {"epochs": 2}})
    textwright.compare_settings(SAMPLE, out, recipe, models=["bag", "cnn"], vary={"seed": [0, 1]})
    return out


def record_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    return found


def page_of(folder: Path, record: dict[str, Any]) -> str:
    return make_comparison(folder, record, name="rates", recipe="")["report.html"].decode("utf-8")


def in_english(text: str) -> str:
    text = re.sub(r'<span class="zh".*?</span>', "", text, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", text).replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_says_what_the_record_says(folder: Path) -> None:
    record, text = record_of(folder), in_english((folder / "report.html").read_text(encoding="utf-8"))
    best = next(row for row in record["candidates"] if row["chosen"])
    score = best["scores"]["accuracy"]
    assert f"Best of those tried: {best['name']}, with accuracy {100 * score['value']:.1f} %" in text
    worse = sum(row["p_value"] is not None and row["p_value"] < 0.05 for row in record["candidates"])
    assert f"by more than chance would make them: {worse} of the 3 others. Of the other {3 - worse}" in text
    for row in record["candidates"]:
        assert row["name"] in text


def test_the_rows_apart_are_counted_from_the_predictions(folder: Path) -> None:
    record, text = record_of(folder), in_english((folder / "report.html").read_text(encoding="utf-8"))
    ranked = sorted(
        record["candidates"], key=lambda row: (not row["chosen"], -row["scores"]["accuracy"]["value"])
    )
    right = []
    for row in ranked[:2]:
        lines = (folder / row["files"]["predictions"]).read_text(encoding="utf-8").splitlines()
        right.append([answer["truth"] == answer["label"] for answer in map(json.loads, lines)])
    only_a = sum(a and not b for a, b in zip(*right, strict=True))
    only_b = sum(b and not a for a, b in zip(*right, strict=True))
    if only_a + only_b:
        names = [row["name"] for row in ranked[:2]]
        expected = f"{names[0]} does better on {only_a} and {names[1]} on {only_b}"
        assert expected in text
    else:
        assert "right and wrong on the same rows" in text


def test_the_recipe_is_that_of_the_best(folder: Path) -> None:
    best = record_of(folder)["best"]
    recipe = textwright.load_recipe(str(folder / "recipe.yaml"))
    assert recipe.model["name"] == best.split()[0]
    assert recipe.seed == int(best[-1])


@pytest.mark.parametrize(
    ("difference", "p", "said"),
    [(-0.2, 0.001, "worse"), (-0.2, 0.3, "no difference shown"), (0.1, 0.001, "why it is so")],
)
def test_only_what_was_shown_is_called_worse(folder: Path, difference: float, p: float, said: str) -> None:
    record = record_of(folder)
    best, other = record["candidates"][:2]
    record["candidates"] = [best, other]
    best.update(chosen=True, difference=None, p_value=None)
    score = {"value": difference, "low": difference, "high": difference, "n": 60, "better": "higher"}
    other.update(chosen=False, difference={"accuracy": score}, p_value=p, why="why it is so")
    table = in_english(page_of(folder, record)).partition("What was compared")[2]
    cells = [line for line in re.split(r"\s{2,}", table) if line]
    assert said in cells


def test_a_text_of_any_kind_is_shown_harmlessly(folder: Path, tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script> \u202e {{ 7 * 7 }} \ud83d {name}"
    record = record_of(folder)
    record["data"]["name"] = record["candidates"][0]["name"] = nasty
    for i, row in enumerate(record["candidates"]):
        answer = {"text": nasty, "truth": nasty, "label": nasty if i % 2 else "x"}
        row["files"]["predictions"] = f"{i}.jsonl"
        (tmp_path / f"{i}.jsonl").write_text(json.dumps(answer) + "\n", encoding="utf-8")
    text = page_of(tmp_path, record)
    assert "<script" not in text and "\u202e" not in text and "&lt;script&gt;" in text


def test_one_alone_and_refused_ones_have_a_page(folder: Path) -> None:
    record = record_of(folder)
    first, second = record["candidates"][:2]
    second.update(status="skipped", scores={}, difference=None, p_value=None, why="refused: too large")
    first.update(chosen=True, difference=None, p_value=None)
    record.update(candidates=[first, second], interrupted=True)
    text = in_english(page_of(folder, record))
    assert "1 could not be measured" in text and "refused: too large" in text
    assert "was interrupted" in text and "only one was fitted" in text


def test_either_language_opens(folder: Path) -> None:
    compared = read_comparison(folder, record_of(folder), "rates", "")
    assert '<html lang="zh">' in render_comparison(compared, "zh")


def test_a_page_needs_no_torch() -> None:
    code = "import sys, textwright.report.folder; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
