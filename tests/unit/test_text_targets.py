"""Label cells to targets, and every reason why nothing can be learned from them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.text.schema import LabelForm, Schema, TaskName
from textwright.text.sources.base import Cell
from textwright.text.targets import cell_labels, class_ids, label_sets, learn_labels, parse_score


def schema(
    task: TaskName = "classify", form: LabelForm = "single", labels: str = "", separator: str | None = None
) -> Schema:
    return Schema(task=task, text="text", label="l", form=form, separator=separator, labels=labels.split())


@pytest.mark.parametrize(
    ("form", "separator", "cell", "labels"),
    [
        ("single", None, " good ", ["good"]),
        ("single", None, "a;b", ["a;b"]),
        ("single", None, None, None),
        ("single", None, "  ", None),
        ("number", None, " 3.5", ["3.5"]),
        ("separated", ";", "a; b ;;a", ["a", "b"]),
        ("separated", "、", "好看、便宜", ["好看", "便宜"]),
        ("separated", ";", " ", []),
        ("separated", ";", None, None),
        ("separated", None, "a,b", ["a", "b"]),
        ("list", None, ["b", " a ", "", "b"], ["b", "a"]),
        ("list", None, [], []),
        ("list", None, "alone", ["alone"]),
        ("list", None, None, None),
    ],
)
def test_the_labels_of_one_cell(
    form: LabelForm, separator: str | None, cell: Cell, labels: list[str] | None
) -> None:
    assert cell_labels([cell], schema(form=form, separator=separator)) == labels


def test_indicator_cells() -> None:
    three = Schema(task="multilabel", text="text", label="fun, sad,x", form="indicators")
    assert cell_labels(["1", "0", "TRUE"], three) == ["fun", "x"]
    assert cell_labels(["是", "yes", "1.0"], three) == ["fun", "sad", "x"]
    assert cell_labels(["0", "false", "no"], three) == []
    assert cell_labels(["1", None, "0"], three) is None


def test_scores_are_finite_numbers() -> None:
    assert parse_score(" -3.5e1", path="a.csv", row=2, column="stars") == -35.0
    for cell, said in (
        ("NaN", "the score is 'NaN'"),
        ("inf", "the score is 'inf'"),
        ("good", "found 'good'"),
    ):
        with pytest.raises(DataError, match=said) as caught:
            parse_score(cell, path="a.csv", row=7, column="stars")
        assert str(caught.value).startswith("a.csv, row 7, column 'stars': ") and caught.value.hint


def test_labels_have_one_order() -> None:
    def order(*labels: str) -> list[str]:
        rows = [[label] for label in labels] * 2
        return learn_labels(rows, range(len(rows)), schema(), "a.csv")

    assert order("10", "9", "-1", "2.5") == ["-1", "2.5", "9", "10"]
    assert order("b", "2", "a", "1") == ["1", "2", "a", "b"]
    names = ["nan", "b", "inf", "1", "a"]
    assert order(*names) == order(*reversed(names)) == ["1", "a", "b", "inf", "nan"]


@pytest.mark.parametrize(
    ("rows", "said", "row"),
    [
        ([[]] * 10, "no row has a label", None),
        ([["good"]] * 10, "all 10 rows have the one label 'good'", None),
        ([["a"], ["b"]] * 5 + [["only"]], "the label 'only' has this one row only", 12),
        ([["a"], ["b"]] * 5 + [["x"], ["y"]], "one row only (and 1 more such labels)", 12),
        ([[f"text {i}"] for i in range(40)], "40 different labels in 40 rows ('text 0', 'text 1', ", None),
    ],
)
def test_labels_that_teach_nothing(rows: list[list[str]], said: str, row: int | None) -> None:
    with pytest.raises(DataError) as caught:
        learn_labels(rows, range(2, len(rows) + 2), schema(), "a.csv")
    error = caught.value
    assert said in error.message and error.hint
    assert (error.path, error.row, error.column) == ("a.csv", row, "l")


def test_many_labels_that_come_back_are_fine() -> None:
    rows = [[str(i % 100)] for i in range(301)]
    assert learn_labels(rows, range(301), schema(), "a.csv") == [str(i) for i in range(100)]


def test_class_ids() -> None:
    ids = class_ids([["b"], ["a"], ["b"]], [2, 3, 4], schema(labels="a b"), "a.csv")
    assert ids.dtype == np.int64 and ids.tolist() == [1, 0, 1]
    with pytest.raises(
        DataError, match=r"a\.csv, row 3, column 'l': the label 'goood' is not one the"
    ) as caught:
        class_ids([["good"], ["goood"]], [2, 3], schema(labels="bad good"), "a.csv")
    assert caught.value.hint == "Did you mean 'good'?"
    with pytest.raises(DataError, match=r"row 3, column 'l': 2 labels \('a', 'b'\), expected one"):
        class_ids([["a"], ["a", "b"]], [2, 3], schema(labels="a b"), "a.csv")


def test_label_sets() -> None:
    many = schema("multilabel", "list", "a b c")
    sets = label_sets([["c", "a"], [], ["b"]], [1, 2, 3], many, "a.jsonl")
    assert sets.dtype == np.uint8 and sets.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    with pytest.raises(DataError, match="row 2, column 'l': the label 'd'"):
        label_sets([["c"], ["a", "d"]], [1, 2], many, "a.jsonl")


def test_a_score_is_what_float_reads() -> None:
    for cell in ("1", "-0", "1e300", "  2.5 "):
        assert parse_score(cell, path="", row=1, column="") == float(cell)
    assert math.copysign(1, parse_score("-0", path="", row=1, column="")) == -1
