"""Guessing which column is what: names, shapes of cells, and what a person asks for."""

from __future__ import annotations

from typing import Any

import pytest

from textwright.core.errors import DataError
from textwright.text.columns import Column, Guess, find_text_column, guess_columns, label_names, profile
from textwright.text.sources.base import Batch, Cell

TEXTS = [f"a sentence of some words, number {i}; it goes on | and on" for i in range(60)]


Table = dict[str, list[Any]]


def columns_of(cells: Table) -> list[Column]:
    """Profiled columns; every list is repeated to the length of the longest."""
    length = max(map(len, cells.values()))
    columns: dict[str, list[Cell]] = {k: [v[i % len(v)] for i in range(length)] for k, v in cells.items()}
    return profile([Batch(list(range(2, length + 2)), columns)])


def guessed(cells: Table, task: Any = None, text: str | None = None, label: str | None = None) -> Guess:
    return guess_columns(columns_of(cells), path="a.csv", task=task, text=text, label=label)


@pytest.mark.parametrize(
    ("name", "cells", "task", "form", "separator"),
    [
        ("label", ["good", "bad"], "classify", "single", None),
        ("label", ["0", "1"], "classify", "single", None),
        ("label", ["0.0", "1.0"], "classify", "single", None),
        ("label", ["true", "false"], "classify", "single", None),
        ("label", ["1", "2", "3", "4"], "classify", "single", None),
        ("topic", ["sport", "money", "art"], "classify", "single", None),
        ("score", ["0", "1"], "classify", "single", None),
        ("score", ["1", "2", "3", "4", "5"], "score", "number", None),
        ("stars", ["1", "2", "3", "4", "5"], "score", "number", None),
        ("rating", ["1", "2", "3"], "score", "number", None),
        ("Rating ", ["1", "2", "3"], "score", "number", None),
        ("star_rating", ["1", "2", "3", "4", "5"], "score", "number", None),
        ("评分", ["1", "2", "3", "4", "5"], "score", "number", None),
        ("商品评分", ["1", "2", "3", "4", "5"], "score", "number", None),
        ("label", ["0.25", "-0.5", "1"], "score", "number", None),
        ("label", [str(i) for i in range(30)], "score", "number", None),
        ("label", ["1", "nan", "2"], "score", "number", None),
        ("label", ["a", "a;b", "b;c", "c"], "multilabel", "separated", ";"),
        ("label", ["a", "a|b", "b | c", "c"], "multilabel", "separated", "|"),
        ("tags", ["a", "a, b", "b, c", "c"], "multilabel", "separated", ","),
        ("标签", ["好看", "好看、便宜", "便宜、快", "快"], "multilabel", "separated", "、"),
        ("标签", ["好看", "好看，便宜", "便宜，快", "快"], "multilabel", "separated", "，"),
        ("tags", [["a"], ["a", "b"], []], "multilabel", "list", None),
        ("label", ["Paris, France", "Rome, Italy"], "classify", "single", None),
        ("label", ["1,5", "2,5", "3,5"], "classify", "single", None),
        ("label", ["a;b", "c"], "classify", "single", None),
    ],
)
def test_the_kind_of_label(name: str, cells: list[Any], task: str, form: str, separator: str | None) -> None:
    guess = guessed({"text_": TEXTS, name: cells})
    assert (guess.task, guess.label, guess.form, guess.separator) == (task, name, form, separator)
    assert guess.text == "text_" and len(guess.reasons) == 3
    assert all(flag in "\n".join(guess.reasons) for flag in ("--text COL", "--label COL", "--task"))


@pytest.mark.parametrize(
    ("names", "text", "label"),
    [
        (["label", "text"], "text", "label"),
        (["Text", "Label"], "Text", "Label"),
        (["文本", "标签"], "文本", "标签"),
        (["标签", "内容"], "内容", "标签"),
        (["评论内容", "情感标签"], "评论内容", "情感标签"),
        (["review_body", "sentiment_label"], "review_body", "sentiment_label"),
        (["what they said", "verdict"], "what they said", "verdict"),
    ],
)
def test_names_in_both_languages(names: list[str], text: str, label: str) -> None:
    cells = {name: TEXTS if name == text else ["good", "bad"] for name in names}
    guess = guessed(cells)
    assert (guess.text, guess.label) == (text, label)


def test_ids_dates_and_constants_are_no_labels() -> None:
    ids, dates = [str(i) for i in range(1000, 1060)], [f"2024-01-{1 + i % 28:02}" for i in range(60)]
    guess = guessed(
        {"id": ids, "created": dates, "version": ["1"], "verdict": ["yes", "no"], "remark": TEXTS}
    )
    assert (guess.text, guess.label) == ("remark", "verdict")
    reviews: Table = {"review_id": [f"R{i}X" for i in range(60)], "stars": ["1", "3", "5"]}
    guess = guessed({**reviews, "review_title": ["short", "title"], "review_body": TEXTS})
    assert (guess.text, guess.label, guess.task) == ("review_body", "stars", "score")


def test_label_before_score_unless_a_score_is_asked_for() -> None:
    cells: Table = {"text": TEXTS, "score": ["1.5", "2.5", "4"], "label": ["bad", "good"]}
    assert guessed(cells).label == "label"
    assert guessed(cells, "score").label == "score"
    assert guessed(cells, label="score").task == "score"


def test_indicator_columns() -> None:
    yes: Table = {"text": TEXTS, "fun": ["0", "1"], "sad": ["1", "0", "0"], "rare": ["0"]}
    guess = guessed(yes)
    assert (guess.task, guess.label, guess.form) == ("multilabel", "fun,sad,rare", "indicators")
    words = {"0": "false", "1": "true"}
    booleans = {name: [words.get(cell, cell) for cell in cells] for name, cells in yes.items()}
    assert guessed(booleans).form == "indicators"
    asked = guessed(yes, label="fun, sad")
    assert (asked.label, asked.form) == ("fun,sad", "indicators")
    assert guessed(yes, "classify", label="fun,sad").task == "classify"
    with pytest.raises(DataError, match="one number a row"):
        guessed(yes, "score", label="fun,sad")


def test_a_list_column_is_found_without_a_known_name() -> None:
    years = [str(1900 + i) for i in range(60)]
    guess = guessed({"plot": TEXTS, "genres": [["drama"], ["drama", "war"]], "year": years})
    assert (guess.text, guess.label, guess.form) == ("plot", "genres", "list")
    assert guessed({"plot": TEXTS, "genres": [["drama"], ["war"]]}, "classify").task == "classify"


def test_what_is_asked_for_wins() -> None:
    cells: Table = {
        "text": TEXTS,
        "note": [f"{t}!" for t in TEXTS],
        "label": ["1", "2", "3"],
        "kind": ["x", "y"],
    }
    guess = guessed(cells, "score", "note", "label")
    assert (guess.task, guess.text, guess.label, guess.form) == ("score", "note", "label", "number")
    assert guessed(cells, "multilabel", label="kind").separator == ","


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"text": "txet"}, "no column 'txet'; found 'text', 'label'"),
        ({"text": "txet", "label": "label"}, "no column 'txet'"),
        ({"label": "lable"}, "no column 'lable'"),
        ({"label": "label,lable"}, "no column 'lable'"),
        ({"text": "label", "label": "label"}, "cannot be the same column"),
    ],
)
def test_a_column_that_is_not_there(asked: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        guessed({"text": TEXTS, "label": ["a", "b"]}, **asked)
    assert caught.value.path == "a.csv" and caught.value.hint


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"text": TEXTS}, "one column only"),
        ({"a": ["1", "2"], "b": ["3", "4"]}, "no column looks like text; found 'a', 'b'"),
        ({"a": ["x", "y"], "b": ["z", "w"]}, "shorter than three characters"),
        ({"text": TEXTS, "other": [f"{t}?" for t in TEXTS]}, "no column looks like a label; found 'other'"),
        ({"text": TEXTS, "label": [None]}, "no column looks like a label"),
    ],
)
def test_columns_that_cannot_be_used(cells: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        guessed(cells)
    assert caught.value.path == "a.csv" and caught.value.hint


def test_the_column_to_predict_from() -> None:
    columns = columns_of({"id": ["1", "2"], "text": ["short one"], "remark": ["a longer one than that"]})
    assert find_text_column(columns, path="a.csv", preferred="text") == "text"
    assert find_text_column(columns, path="a.csv", preferred="gone") == "text"
    assert find_text_column(columns, path="a.csv", asked="remark", preferred="text") == "remark"
    assert find_text_column(columns_of({"x": ["12"]}), path="a.csv", preferred="text") == "x"
    assert find_text_column(columns_of({"n": ["1"], "x": ["one row"]}), path="a.csv") == "x"
    with pytest.raises(DataError, match="no column 'txt'; found 'id', 'text', 'remark'"):
        find_text_column(columns, path="a.csv", asked="txt", preferred="text")


def test_a_comma_in_a_name_is_no_separator() -> None:
    assert label_names("a,b", ["a,b", "a", "b"]) == ["a,b"]
    assert label_names("a,b", ["a", "b"]) == ["a", "b"]


def test_only_the_first_rows_are_profiled() -> None:
    batch = Batch(list(range(4000)), {"text": ["x"] * 4000})
    (column,) = profile([batch, batch])
    assert len(column.cells) == 5000
