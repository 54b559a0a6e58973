"""Every command of the README runs, as it stands there; both languages name the same commands."""

from __future__ import annotations

import csv
import io
import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import made_pairs
import textwright
from checkpoints import tiny_checkpoint
from textwright.cli.main import app

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"


def commands(page: str) -> list[str]:
    """The lines of the README that call textwright, without their comments."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("textwright ", "cat "))]


@pytest.fixture
def files(tmp_path: Path, two_families: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README names, cut from the packaged sample."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def write(name: str, part: list[dict[str, str]], columns: list[str]) -> None:
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(part)

    write("reviews.csv", rows[:120], ["text", "label"])
    write("a.csv", rows[:120], ["text", "label"])
    write("b.csv", rows[120:160], ["text", "label"])
    write("held-out.csv", rows[120:160], ["text", "label"])
    write("stars.csv", rows[:120], ["text", "score"])
    write("new.csv", rows[160:180], ["text"])
    asked = [{"prompt": f"Is this good? {row['text']}", "response": row["label"]} for row in rows[:60]]
    write("questions.csv", asked, ["prompt", "response"])
    (tmp_path / "texts.txt").write_text("\n".join(row["text"] for row in rows), encoding="utf-8")
    (tmp_path / "new.jsonl").write_text('{"text": "lovely"}\n{"text": "太失望了"}\n', encoding="utf-8")
    made_pairs.write(tmp_path / "pairs.tsv", made_pairs.pairs()[:100])
    (tmp_path / "notes.md").write_text("# Notes\n\n- We like apples.\n", encoding="utf-8")
    textwright.train(tmp_path / "reviews.csv", tmp_path / "other-model", _quick())
    tiny_checkpoint(tmp_path / "my-encoder")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _quick() -> textwright.Recipe:
    return textwright.Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})


def test_both_languages_name_the_same_commands() -> None:
    assert commands("README.md") == commands("README.zh-CN.md")
    assert len(commands("README.md")) == 24


def test_every_command_runs(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    for line in commands("README.md"):
        piped, _, after = line.partition("| ")
        call = after.partition(" |")[0] if line.startswith("cat ") else line
        if line.startswith("cat "):
            given = (files / piped.split()[1]).read_text(encoding="utf-8")
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode("utf-8"))))
        words = shlex.split(call)
        if "pretrain" in words:
            words[words.index("--minutes") + 1] = "0.1"
        if "translate" in words and "--minutes" in words:
            words[words.index("--minutes") :] = made_pairs.BRIEF
        result = runner.invoke(app, words[1:], input=given if line.startswith("cat ") else None)
        assert result.exit_code == 0, (line, result.output, result.exception)


def test_the_python_lines_run(files: Path) -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert block is not None
    exec(compile(block.group(1), "README.md", "exec"), {})


def cells(page: Path, start: str) -> list[list[str]]:
    """The rows of the first table after some words, with its head."""
    text = page.read_text(encoding="utf-8").partition(start)[2]
    table = re.search(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert table is not None
    lines = [line for line in table.group().splitlines() if not line.startswith(("|-", "| -"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_numbers_are_those_that_were_measured(page: str) -> None:
    head, *measured = cells(PROJECT / "docs" / "numbers.md", "## Accuracy")
    columns = [
        head.index(name) for name in ("ours:bag", "fasttext", "tfidf-svm-wc", "ours:finetune", "minilm-hf")
    ]
    known = {row[0]: [row[i].partition(" ")[0] or "–" for i in columns] for row in measured}
    shown = cells(PROJECT / page, "MiniLM")
    assert len(shown) == 7 and [len(row) for row in shown] == [6] * 7
    assert {row[0]: row[1:] for row in shown[1:]} == {row[0]: known[row[0]] for row in shown[1:]}


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_what_it_points_to_is_there(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert len(links) > 12
    assert [link for link in links if not (PROJECT / link).exists()] == []
