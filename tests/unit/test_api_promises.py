"""Promises that are easy to break: test rows never trained on, names that mean what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import textwright
from textwright.cli.main import app
from textwright.core.errors import ConfigError, DataError
from textwright.tasks.prepare import prepare_data
from textwright.text.split import row_hashes

GOOD = ("lovely", "kind", "warm", "bright", "fresh", "calm", "neat", "quick", "sweet", "merry")
BAD = ("awful", "rude", "cold", "dim", "stale", "loud", "dirty", "slow", "bitter", "grim")
PLACES = ("harbour cafe", "night train", "old library", "corner shop", "hill hotel", "city pool")


def rows() -> list[tuple[str, str]]:
    """Sixty pairs of unlike sentences."""
    pairs = [(place, i) for place in PLACES for i in range(10)]
    good = [
        (f"{GOOD[i]} staff and {GOOD[(i * 3 + 1) % 10]} rooms, the {p} pleased us", "yes") for p, i in pairs
    ]
    bad = [(f"never again: {BAD[i]} people, {BAD[(i * 7 + 2) % 10]} food, poor {p}", "no") for p, i in pairs]
    return good + bad


def written(path: Path, given: list[tuple[str, str]]) -> Path:
    path.write_text("\n".join(["text,label", *(f'"{t}",{c}' for t, c in given)]), encoding="utf-8")
    return path


def test_rows_of_the_test_file_are_left_out_of_the_training(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", rows())
    test = written(tmp_path / "b.csv", rows()[:8] + rows()[60:68])
    prepared = prepare_data(data, textwright.Recipe(), test)
    assert not set(row_hashes(prepared.examples.texts)) & set(prepared.locked_hashes)
    dropped = {r["row"] for r in prepared.cleaning() if r["reason"] == "twin of a test row"}
    assert {*range(2, 10), *range(62, 70)} <= dropped
    assert any("twin of a test row" in line for line in prepared.account())


def test_a_test_file_that_holds_every_row_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", rows())
    with pytest.raises(DataError, match="every row stands in the test file"):
        prepare_data(data, textwright.Recipe(), data)


def test_settings_without_a_named_architecture_are_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", rows())
    with pytest.raises(ConfigError, match=r"model\.hidden"):
        textwright.train(
            data, tmp_path / "m", textwright.Recipe.parse({"model": {"name": "auto", "hidden": 8}})
        )


def test_folders_named_like_architectures_and_recipes_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "a.csv", rows())
    (tmp_path / "classic-lstm").mkdir()
    runner = CliRunner()
    for _ in range(2):
        result = runner.invoke(app, ["train", "a.csv", "--out", "bag", "--model", "bag"])
        assert result.exit_code == 0, result.output
    assert textwright.load_recipe("classic-lstm").model_name == "lstm"


@pytest.mark.parametrize("out", [".", "/"])
def test_a_model_needs_a_name(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = written(tmp_path / "a.csv", rows())
    result = CliRunner().invoke(app, ["train", str(data), "--out", out, "--model", "bag"])
    assert result.exit_code == 2 and "folder of its own" in result.stderr


def test_evaluate_tells_of_its_own_file_and_writes_wrong_rows(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", [*rows()[:-1], ("lovely staff and calm rooms, yes indeed", "no")])
    textwright.train(data, tmp_path / "m", textwright.Recipe.parse({"model": {"name": "bag"}}))
    wrong = tmp_path / "wrong.jsonl"
    call = ["evaluate", str(tmp_path / "m"), str(data), "--wrong", str(wrong)]
    result = CliRunner().invoke(app, call)
    locked = int(re.search(r"([0-9]+) of these rows were locked", result.stderr)[1])
    said = f"the model has learned from {len(rows()) - locked} of these {len(rows())} rows"
    assert result.exit_code == 0 and said in result.stderr
    assert "(answered)" in result.stdout
    records = [json.loads(line) for line in wrong.read_text(encoding="utf-8").splitlines()]
    assert all(record["label"] != record["truth"] for record in records)


def test_bag_trains_answers_and_explains_without_torch(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", rows())
    code = f"""
import sys, textwright
recipe = textwright.Recipe.parse({{"model": {{"name": "bag"}}, "budget": {{"minutes": 1}}}})
textwright.train({str(data)!r}, {str(tmp_path / "m")!r}, recipe)
textwright.load({str(tmp_path / "m")!r}).explain(["a kind train"], "occlusion")
print(sorted({{"torch", "transformers", "sklearn"}} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    wrong = (tmp_path / "m" / "wrong.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line)["explained_by"] == "occlusion" for line in wrong)
