"""docs/learn says what its code prints: every chapter runs, in both languages, and so does the notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import play_notebook
import run_guide

EVERY = run_guide.chapters()
CHAPTERS = [path for path in EVERY if path.suffix == ".md"]
NOTEBOOKS = [path for path in EVERY if path.suffix == ".ipynb"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
FIGURE = re.compile(r"\]\(\.\./figures/([^)]+)\)")
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)")
# Below it a difference is said to be shown: a convention, not a measurement.
LEVEL = "0.05"


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def twin(path: Path) -> Path:
    """The same chapter in the other language."""
    other = {"en": "zh", "zh": "en"}[path.parent.name]
    return path.parents[1] / other / path.name


def unproven(chapter: str) -> set[str]:
    """Decimal numbers of the prose that no block of the chapter holds; formulas and `code` are no prose."""
    blocks = "\n".join(block for _, block in FENCED.findall(chapter))
    prose = FENCED.sub("", chapter)
    for pattern in (r"\$\$.*?\$\$", r"\$[^$\n]+\$", r"`[^`\n]+`", r"\]\([^)]*\)"):
        prose = re.sub(pattern, " ", prose, flags=re.DOTALL)
    return set(DECIMAL.findall(prose)) - set(re.findall(r"\d+\.\d+", blocks)) - {LEVEL}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=named)
def test_numbers_of_the_prose_stand_in_a_block(chapter: Path) -> None:
    assert not unproven(chapter.read_text(encoding="utf-8"))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=named)
def test_both_languages_have_the_same_blocks(chapter: Path) -> None:
    assert twin(chapter).is_file()
    ours, theirs = (
        [kind for kind, _ in FENCED.findall(path.read_text(encoding="utf-8"))]
        for path in (chapter, twin(chapter))
    )
    assert ours == theirs


@pytest.mark.parametrize("chapter", CHAPTERS, ids=named)
def test_figures_exist_in_the_language_of_the_chapter(chapter: Path) -> None:
    shown = FIGURE.findall(chapter.read_text(encoding="utf-8"))
    assert shown
    for name in shown:
        assert name.endswith(f".{chapter.parent.name}.svg")
        assert (run_guide.GUIDE / "figures" / name).is_file()


def test_every_figure_is_shown() -> None:
    shown = {name for path in CHAPTERS for name in FIGURE.findall(path.read_text(encoding="utf-8"))}
    assert {path.name for path in (run_guide.GUIDE / "figures").iterdir()} == shown


def test_a_number_that_nothing_gave_is_found() -> None:
    chapter = "It was 0.81 right, `0.3` and $0.9$ aside.\n\n```text\n0.81 right\n```\n"
    assert unproven(chapter) == set()
    assert unproven(chapter.replace("It was 0.81", "It was 0.82")) == {"0.82"}


@pytest.fixture
def first_chapter(tmp_path: Path) -> Path:
    """A copy of a chapter that runs in a second."""
    copy = tmp_path / "01-language-model.md"
    copy.write_bytes((run_guide.GUIDE / "en" / copy.name).read_bytes())
    return copy


@pytest.mark.parametrize(
    ("old", "new"),
    [("'y' 0.919", "'y' 0.719"), ("('l', 13)", "('m', 13)"), ("4.50 on new ones", "4.50 on new")],
)
def test_a_changed_output_is_told(first_chapter: Path, old: str, new: str) -> None:
    text = first_chapter.read_text(encoding="utf-8")
    assert text.count(old) == 1
    first_chapter.write_text(text.replace(old, new), encoding="utf-8")
    played = run_guide.play(first_chapter)
    assert len(played.differences) == 1
    assert new in played.differences[0] and old in played.differences[0]
    assert played.text == text


def test_a_figure_that_nothing_draws_is_told(first_chapter: Path) -> None:
    text = first_chapter.read_text(encoding="utf-8")
    first_chapter.write_text(text.replace("![Bits", "![A](../figures/99-lost.en.svg)\n\n![Bits"), "utf-8")
    found = run_guide.missing_figures(first_chapter, run_guide.play(first_chapter))
    assert len(found) == 1 and "99-lost.en.svg" in found[0]


TABLE = """4 of 4 settings on 60 validation rows in 21.4 s (95 % interval in brackets):

setting  accuracy                 accuracy - best  p       epoch  steps  s    parameters  ms
rnn      0.8333 [0.7333, 0.9167]  -0.0333          0.774   6.00   90     2.8  253,761     1.11
lstm     0.8667 [0.7667, 0.9500]                           3.00   90     2.9  402,753     1.95  best

Best: lstm. All in comparison
"""


def test_of_a_comparison_a_row_more_or_less_does_not_count() -> None:
    elsewhere = """4 of 4 settings on 60 validation rows in 3.0 s (95 % interval in brackets):

setting  accuracy                 accuracy - best  p       epoch  steps  s     parameters  ms
rnn      0.8667 [0.7667, 0.9500]                           5.00   75     12.8  253,761     0.42  best
lstm     0.8500 [0.7500, 0.9333]  -0.0167          1       3.00   90     0.9   402,753     0.30

Best: rnn. All in comparison
"""
    assert run_guide.alike(TABLE, elsewhere)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.8667 [", "0.7167 ["),
        ("402,753", "202,753"),
        ("lstm  ", "gru   "),
        ("4 of 4", "3 of 4"),
        ("60 v", "80 v"),
    ],
)
def test_of_a_comparison_names_scores_and_sizes_count(old: str, new: str) -> None:
    assert run_guide.alike(TABLE, TABLE)
    assert not run_guide.alike(TABLE, TABLE.replace(old, new))


@pytest.mark.docs
@pytest.mark.parametrize("chapter", EVERY, ids=named)
def test_chapter_gives_what_it_says(chapter: Path) -> None:
    played = run_guide.play(chapter)
    assert not "\n".join(played.differences + run_guide.missing_figures(chapter, played))


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


def shown(source: str, namespace: dict[str, Any]) -> str:
    return play_notebook.as_text(play_notebook.executed(source, namespace))


def test_cells_show_what_they_print_and_end_with() -> None:
    assert shown("print('a')\nx = 2\nx + 1", {}) == "a\n3\n"
    assert shown("print('a')", {}) == "a\n"
    drawing = type("Drawing", (), {"_repr_svg_": lambda self: "<svg/>"})
    assert shown("drawing()", {"drawing": drawing}) == play_notebook.PICTURE


def test_a_notebook_that_says_something_else_is_told(tmp_path: Path) -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": ["0.8 right\n"]}
    cell = {"cell_type": "code", "source": ["print('0.8 right')"], "outputs": [printed]}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [cell, {"cell_type": "markdown", "source": []}]}), encoding="utf-8")
    assert not run_guide.play(path).differences
    path.write_text(path.read_text(encoding="utf-8").replace("print('0.8", "print('0.2"), encoding="utf-8")
    (difference,) = run_guide.play(path).differences
    assert "0.2 right" in difference and "0.8 right" in difference
