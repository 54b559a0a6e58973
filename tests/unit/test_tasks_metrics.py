"""The score to choose by, and why: by hand, at its limits, in both languages."""

from __future__ import annotations

import numpy as np
import pytest

from textwright.core.errors import ConfigError
from textwright.report.messages import translate
from textwright.tasks.base import TASKS, Decode
from textwright.tasks.metrics import METRICS, TUNABLE, chosen_metric, evenness
from textwright.text.schema import Schema


def schema(task: str = "classify", num_labels: int = 2) -> Schema:
    return Schema(task=task, text="t", label="l", labels=[f"l{i}" for i in range(num_labels)])  # type: ignore[arg-type]


def ids(*rows: int) -> np.ndarray:
    return np.repeat(np.arange(len(rows)), rows)


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ((50, 50), "accuracy"),
        ((80, 20), "accuracy"),
        ((83, 17), "accuracy"),
        ((84, 16), "macro_f1"),
        ((99, 1), "macro_f1"),
        ((40, 30, 30), "accuracy"),
        ((70, 20, 10), "macro_f1"),  # evenness 0.73
        ((60, 25, 15), "accuracy"),  # 0.853
        ((100, 0, 0), "macro_f1"),
    ],
)
def test_auto_follows_how_even_labels_are(rows: tuple[int, ...], name: str) -> None:
    found, reason = chosen_metric(TASKS.get("classify"), "auto", ids(*rows), schema(num_labels=len(rows)))
    shares = np.array([n for n in rows if n]) / sum(rows)
    expected = abs((shares * np.log(shares)).sum()) / np.log(len(rows))
    assert found == name and f"evenness {expected:.3f}" in reason
    chinese = translate(reason, "zh")
    assert f"{expected:.3f}" in chinese and "evenness" not in chinese and "标签" in chinese


def test_evenness_of_labels_without_rows() -> None:
    assert evenness(ids(5, 5), 4) == pytest.approx(0.5)


@pytest.mark.parametrize("task", ["multilabel", "score"])
def test_other_tasks_keep_their_headline(task: str) -> None:
    kind = TASKS.get(task)
    name, reason = chosen_metric(kind, "auto", np.eye(3), schema(task, 3))
    assert name == kind.headline and task in reason
    assert "headline" not in translate(reason, "zh")


def test_what_is_asked_is_taken_and_what_is_unknown_refused() -> None:
    task = TASKS.get("classify")
    assert chosen_metric(task, "mcc", ids(9, 1), schema()) == ("mcc", "as asked")
    with pytest.raises(ConfigError, match="Did you mean 'macro_f1'") as refused:
        chosen_metric(task, "macrof1", ids(9, 1), schema())
    assert "没有" in translate(refused.value.message, "zh")
    with pytest.raises(ConfigError, match="Known: "):
        chosen_metric(TASKS.get("score"), "accuracy", np.array([1.0]), schema("score", 0))


@pytest.mark.parametrize("task", ["classify", "multilabel", "score"])
def test_meters_have_all_of_them(task: str) -> None:
    """What may be asked for is what is measured, and what is tuned may be asked for."""
    kind, named = TASKS.get(task), schema(task, 0 if task == "score" else 3)
    truth = {"classify": ids(2, 2, 2), "multilabel": np.eye(3), "score": np.arange(6.0)}[task]
    outputs = np.random.default_rng(0).normal(size=(len(truth), 1 if task == "score" else 3))
    meter = kind.meter(named)
    meter.update(truth, kind.measured(outputs, Decode()))
    assert set(METRICS[task]) <= set(meter.scores(replicates=10))
    assert kind.headline in METRICS[task] and set(TUNABLE[task]) <= set(METRICS[task])
