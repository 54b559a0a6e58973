"""docs/how-to/learning-curve.md and label-next.md: their commands and Python run, one after the other."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import textwright
from textwright.cli.main import app

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"


@pytest.fixture
def files(tmp_path: Path, two_families: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the pages name, cut from the packaged sample, and a model."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    parts = {"reviews": (rows[:300], ["text", "label"]), "held-out": (rows[300:360], ["text", "label"])}
    parts["new"] = (rows[360:460], ["text"])
    for name, (part, columns) in parts.items():
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(part)
    bag = textwright.Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})
    textwright.train(tmp_path / "reviews.csv", tmp_path / "my-model", bag)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(page: str) -> list[tuple[str, str]]:
    text = (PROJECT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def fill(path: Path) -> None:
    """Write the right label into half of the rows, as a person would."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        truth = {row["text"]: row["label"] for row in csv.DictReader(file)}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows({**row, "label": truth[row["text"]] if i % 2 else ""} for i, row in enumerate(rows))


@pytest.mark.docs
@pytest.mark.parametrize("page", ["learning-curve.md", "label-next.md"])
def test_a_page_runs_from_top_to_bottom(page: str, files: Path) -> None:
    commands = 0
    for kind, code in blocks(page):
        if kind == "python":
            exec(compile(code, page, "exec"), {})
        for line in code.splitlines():
            if kind != "text" or not line.startswith("textwright "):
                continue
            commands += 1
            words = [word for word in shlex.split(line)[1:]]
            words = [
                "1" if word == "10" and words[i - 1] == "--minutes" else word for i, word in enumerate(words)
            ]
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 0, (line, result.output, result.exception)
            if words[0] == "label":
                fill(files / "to-label.csv")
    assert commands == 2
    if page == "label-next.md":
        with (files / "all.csv").open(encoding="utf-8", newline="") as file:
            assert sum(1 for _ in csv.DictReader(file)) == 310
        assert textwright.load(files / "better-model").predict(["a lovely room"])


def test_what_a_page_says_a_command_prints_is_printed() -> None:
    """The sentence is quoted as the command says it, whatever its numbers."""
    source = (PROJECT / "src" / "textwright" / "cli" / "curve.py").read_text(encoding="utf-8")
    quoted = next(code for kind, code in blocks("learning-curve.md") if code.startswith("Labelling"))
    for part in (
        "Labelling as many rows again (",
        ") is expected to bring ",
        "to learn from",
        ": a gain of ",
    ):
        assert part in quoted and part in source
