"""The first sentences of a report, word by word: what they promise must be what the record says."""
# ruff: noqa: E501 - sentences stand in one piece

from __future__ import annotations

import re
from typing import Any

import pytest

from textwright.report.page import both, render_report
from textwright.report.records import Records
from textwright.report.verdict import TOLD, verdict
from textwright.report.view import HEADLINES, confusions
from textwright.report.words import Language
from textwright.tasks.base import TASKS


def score(value: float, low: float, high: float, n: int, better: str = "higher") -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n, "better": better}


def records(task: str, split: str = "test", n: int = 500, **more: Any) -> Records:
    """What a training leaves, with only the parts that the verdict reads."""
    scores = {
        "classify": {"accuracy": score(0.883, 0.861, 0.902, n)},
        "multilabel": {"accuracy": score(0.52, 0.41, 0.63, n)},
        "score": {"mse": score(0.4, 0.3, 0.5, n, "lower"), "mae": score(0.525, 0.45, 0.612, n, "lower")},
    }[task]
    schema = {"task": task, "labels": ["a", "b", "c"], "low": 1.0, "high": 5.0, "text": "text", "label": "y"}
    manifest = {
        "schema": {**schema, "scripts": {"latin": 1.0}},
        "scores": more.get("scores", scores),
        "split": split,
        "architecture": "bag",
        "textwright_version": "0.1.0",
        "parameters": 7,
        "data": [{"name": "d.csv", "rows": 900, "fingerprint": "f", "cleaning": []}],
    }
    return Records(
        name="model",
        manifest=manifest,
        plan=more.get("plan", {}),
        scores={"details": more.get("details", {})},
        data=more.get("data", {}),
        wrong=more.get("wrong", []),
        curves=[],
        recipe="",
    )


def told(found: Records, language: Language) -> list[str]:
    """The sentences in one language, as a person reads them."""
    pairs = list(confusions(found.scores["details"]))
    lines = []
    for key, values in verdict(found, pairs):
        (text,) = re.findall(rf'<span class="{language}"[^>]*>(.*?)</span>', both(key, **values))
        lines.append(re.sub("<[^>]+>", "", text).replace("\N{NO-BREAK SPACE}", " "))
    return lines


RIGHT = {
    ("classify", "test"): (
        "Of 100 new texts like these, expect about 88.3 right answers in the long run: between 86.1 and 90.2 "
        "with 95 % confidence, by 500 rows that were kept aside for the test.",
        "长期来看，每 100 条同类新文本约有 88.3 条回答正确；根据留出的 500 条测试数据，95 % 置信区间为 86.1 到 90.2 条。",
    ),
    ("classify", "validation"): (
        "Of 100 texts like these, expect about 88.3 right answers: between 86.1 and 90.2 with 95 % "
        "confidence, by 500 rows.",
        "对 100 条同类文本，预计约有 88.3 条回答正确；根据 500 条数据，95 % 置信区间为 86.1 到 90.2 条。",
    ),
    ("multilabel", "test"): (
        "Of 100 texts like these, expect about 52 with exactly the right labels; between 41 and 63 with 95 % "
        "confidence, by 500 rows.",
        "对 100 条同类文本，预计约有 52 条标签完全正确；根据 500 条数据，95 % 置信区间为 41 到 63。",
    ),
    ("score", "test"): (
        "Scores are off by 0.525 on average (between 0.450 and 0.612 with 95 % confidence), on a scale from "
        "1 to 5, measured on 500 rows.",
        "打分平均误差为 0.525（95 % 置信区间 0.450 到 0.612），评分范围为 1 到 5，在 500 条数据上测得。",
    ),
}


@pytest.mark.parametrize(("task", "split"), RIGHT)
def test_the_first_sentence(task: str, split: str) -> None:
    english, chinese = RIGHT[task, split]
    found = records(task, split)
    assert told(found, "en")[0] == english and told(found, "zh")[0] == chinese
    assert english.split(" (")[0] in re.sub("<[^>]+>", "", render_report(found)).replace("\xa0", " ")


@pytest.mark.parametrize("task", HEADLINES)
def test_rows_that_were_chosen_on_are_called_so(task: str) -> None:
    caution = "These 500 rows are those that the model was chosen on, so this is a little too good."
    assert told(records(task, "validation"), "en")[1] == caution
    assert caution not in told(records(task, "test"), "en")


def test_halves_are_rounded_upwards_at_both_ends_of_an_interval() -> None:
    found = records("classify", scores={"accuracy": score(0.765, 0.7375, 0.795, 800)})
    assert "about 77 right answers in the long run: between 74 and 80" in told(found, "en")[0]


@pytest.mark.parametrize(("n", "is_few"), [(199, True), (200, False)])
def test_few_rows_are_called_few(n: int, is_few: bool) -> None:
    lines = told(records("classify", n=n), "en")
    assert any(line.startswith(f"Only {n} rows were measured") for line in lines) == is_few


def test_what_the_training_warned_of_stands_beside_the_promise() -> None:
    warning = "300 of 300 rows are near twins of others: too many to keep on one side"
    found = records("classify", data={"warnings": [warning]})
    assert told(found, "en")[1] == f"Careful: {warning}."


def test_an_interrupted_training_says_so_first() -> None:
    found = records("classify", plan={"interrupted": True})
    assert told(found, "en")[0] == "The training was interrupted; this is the best it had."
    assert not told(records("classify", plan={"interrupted": False}), "en")[0].startswith("The training was")


def test_nothing_held_out_is_no_promise() -> None:
    (line,) = told(records("classify", scores={}), "en")
    assert line == "No rows were held out, so nothing is known of its quality."


@pytest.mark.parametrize(
    ("task", "baseline", "says"),
    [
        ("classify", {"macro_f1": 0.2, "accuracy": 0.5}, "accuracy would be 50.0 %"),
        ("multilabel", {"micro_f1": 0.0, "accuracy": 0.25}, "accuracy would be 25.0 %"),
        ("score", {"mse": 2.042, "mae": 1.1}, "mean absolute error (mae) would be 1.100"),
    ],
)
def test_no_model_is_told_in_the_score_of_the_first_sentence(
    task: str, baseline: dict[str, float], says: str
) -> None:
    kept = {name: score(value, value, value, 500) for name, value in baseline.items()}
    found = records(task, details={"baseline": {"what": "always the same", **kept}})
    assert f"Without any model (always the same), {says}." in told(found, "en")


def test_what_is_confused_most_and_what_is_found_least() -> None:
    labels, matrix = ["a", "b", "c"], [[50, 3, 0], [9, 80, 1], [2, 2, 6]]
    per_class = [
        {"label": label, "recall": score(matrix[i][i] / sum(matrix[i]), 0, 1, 9), "n": sum(matrix[i])}
        for i, label in enumerate(labels)
    ]
    for row in per_class:
        row.update(precision=row["recall"], f1=row["recall"])
    found = records("classify", details={"labels": labels, "confusion": matrix, "per_class": per_class})
    lines = told(found, "en")
    assert (
        "Most often confused, by number of rows: “b” is answered “a”, in 9 of its 90 rows (10.0 %)." in lines
    )
    assert "Weakest label: “c”, of whose 10 rows 6 were found (60.0 %)." in lines


@pytest.mark.parametrize(
    ("bins", "ece", "begins"),
    [
        ([(0.9, 0.8, 50)], 0.1, "It is surer than it should be"),
        ([(0.7, 0.8, 50)], 0.1, "It is right more often than it claims"),
        ([(0.6, 0.8, 50), (0.95, 0.749, 50)], 0.2, "It is too sure in places and too shy in others"),
        ([(0.9, 0.8, 50)], 0.02, "That it is too sure, or too shy, was not shown"),
    ],
)
def test_sureness(bins: list[tuple[float, float, int]], ece: float, begins: str) -> None:
    assert any(line.startswith(begins) for line in told(_sure("classify", bins, ece), "en"))


def test_probabilities_of_several_labels_are_not_called_sureness() -> None:
    bins = [(0.01, 0.10, 700), (0.99, 0.90, 300)]
    (line,) = [x for x in told(_sure("multilabel", bins, 0.09), "en") if "probabilities" in x]
    assert line.startswith("Its probabilities of labels are off: they differ by 9.0 % on average")
    (line,) = [x for x in told(_sure("multilabel", bins, 0.02), "en") if "probabilities" in x]
    assert line.startswith("Its probabilities of labels can be believed, as far as 500 rows can tell")


def _sure(task: str, bins: list[tuple[float, float, int]], ece: float) -> Records:
    table = [{"confidence": a, "accuracy": b, "n": n} for a, b, n in bins]
    empty = {"confidence": None, "accuracy": None, "n": 0}
    found = records(task, details={"calibration": [*table, empty], "ece_noise_floor": 0.02})
    found.manifest["scores"]["ece"] = score(ece, 0.0 if ece < 0.05 else ece / 2, 1, 500, "lower")
    return found


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ({"refitted": True}, "The one that was chosen was then fitted again on all rows"),
        ({"refitted": False}, "There was no second fit on all rows"),
        ({}, None),
    ],
)
def test_a_second_fit_is_told_when_there_was_one(plan: dict[str, Any], says: str | None) -> None:
    row = {"model": "bag", "scores": {"accuracy": score(0.8, 0.7, 0.9, 50)}, "seconds": 1.0, "parameters": 7}
    row |= {"bytes": 9, "latency_ms_p50": 1.0, "status": "done", "chosen": True, "why": "the only candidate"}
    text = render_report(records("classify", plan={**plan, "candidates": [row]}))
    for sentence in (
        "The one that was chosen was then fitted again on all rows",
        "There was no second fit on all rows",
    ):
        assert (sentence in text) == (sentence == says)


def test_rows_of_validation_that_were_not_there_are_not_praised() -> None:
    rows = {"train": 500, "validation": 0, "test": 500}
    characters = {"quantiles": {"0.5": 5, "0.95": 9, "1.0": 10}, "edges": [1, 5, 10], "counts": [3, 4]}
    data = {"rows": rows, "account": [], "characters": characters, "twins": {"exact": 0, "near": 0}}
    text = render_report(records("classify", data=data))
    assert "no validation row was answered wrongly" not in text
    assert text.count("no rows were held out to choose on") == 2


@pytest.mark.parametrize(
    ("split", "says"), [("test", "locked away"), ("validation", "was chosen on: a little")]
)
def test_the_table_of_scores_says_on_which_rows(split: str, says: str) -> None:
    part = render_report(records("classify", split)).partition('<h2 id="scores"')[2][:600]
    assert says in part


def test_the_score_of_a_report_is_that_of_the_task() -> None:
    assert {name: TASKS.get(name).headline for name in HEADLINES} == HEADLINES
    assert set(TOLD) == set(HEADLINES)
