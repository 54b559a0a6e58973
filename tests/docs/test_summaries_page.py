"""docs/how-to/summaries.md: its commands and its Python run, and its table names the methods there are."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import made_summaries
from textwright.cli.main import app
from textwright.models.extract.scorers import SCORERS

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"
PAGE = (PROJECT / "docs" / "how-to" / "summaries.md").read_text(encoding="utf-8")


def test_the_page_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        reviews = [row["text"] for row in csv.DictReader(file)][:60]
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in reviews)])
    for name in ("report.txt", "report.md"):
        (tmp_path / name).write_text("\n\n".join(reviews), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made_summaries.write(tmp_path / "minutes.jsonl", made_summaries.reports(60))
    made_summaries.write(tmp_path / "held-out.jsonl", made_summaries.reports(20, seed=1))
    for kind, code in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE):
        if kind == "python":
            exec(compile(code, "summaries.md", "exec"), {})
        for line in code.splitlines() if kind == "text" else []:
            done = CliRunner().invoke(app, shlex.split(line)[1:])
            assert done.exit_code == 0, (line, done.output, done.exception)
    assert (tmp_path / "summary.txt").read_text(encoding="utf-8").strip()
    assert len((tmp_path / "summaries.csv").read_text(encoding="utf-8").splitlines()) == 61


def test_the_table_names_every_method() -> None:
    rows = "".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", rows)) == set(SCORERS)
