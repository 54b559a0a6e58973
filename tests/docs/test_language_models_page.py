"""docs/how-to/language-models.md: its commands and its Python run, one after the other."""

from __future__ import annotations

import csv
import re
import shlex
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import textwright
from textwright.cli import main
from textwright.cli.main import app

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"
PAGE = PROJECT / "docs" / "how-to" / "language-models.md"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, part in (("texts", rows[:-20]), ("held-out", rows[-20:])):
        (tmp_path / f"{name}.txt").write_text("\n".join(row["text"] for row in part), encoding="utf-8")
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows[:80])
    with (tmp_path / "questions.csv").open("w", encoding="utf-8", newline="") as file:
        asked = csv.writer(file)
        asked.writerow(["prompt", "response"])
        asked.writerows([f"Is this good? {row['text']}", row["label"]] for row in rows[:60])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.docs
def test_the_page_runs_from_top_to_bottom(files: Path) -> None:
    blocks = re.findall(
        r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    done: list[str] = []
    for kind, code in blocks:
        if kind == "python":
            exec(compile(code, str(PAGE), "exec"), {})
        for line in code.splitlines() if kind == "text" else []:
            main._STARTED = time.monotonic()  # each command is a process of its own
            result = CliRunner().invoke(app, shlex.split(line)[1:])
            assert result.exit_code == 0, (line, result.output, result.exception)
            done.append(line.split()[1])
    used = ["pretrain", "generate", "evaluate", *["generate"] * 2, *["pretrain", "fill"] * 2, "train"]
    used += ["card", "pretrain", "generate", "fill"]
    assert done == [*used, "pretrain", "chat", "generate", "pretrain", *["inspect"] * 3, "train"]
    assert len((files / "written.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    for made in ("my-classifier", "my-sorter"):
        assert textwright.load(made).predict(["a fine film"])[0]["label"]
