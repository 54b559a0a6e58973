"""The rows a model gets wrong, the surest mistakes first: what to read before anything else."""

from __future__ import annotations

from typing import Any

import numpy as np

from textwright.tasks.base import Array, Decode, Task
from textwright.text.schema import Schema
from textwright.text.targets import Targets

MAX_WRONG = 50
_EXCERPT = 300


def wrong_rows(
    task: Task, outputs: Array, truth: Targets, texts: list[str], schema: Schema, decode: Decode
) -> list[dict[str, Any]]:
    """At most 50 records: text, truth, answer. Of graded answers, the largest gaps."""
    answers = task.answers(outputs, schema, decode, False)
    given = [_truth(value, schema) for value in truth]
    badness = np.array([_badness(answer, value) for answer, value in zip(answers, given, strict=True)])
    worst = [int(i) for i in np.argsort(-badness, kind="stable")[:MAX_WRONG] if badness[i] > 0]
    return [{"text": texts[i][:_EXCERPT], "truth": given[i], **answers[i]} for i in worst]


def _truth(value: Any, schema: Schema) -> Any:
    if schema.task == "classify":
        return schema.labels[int(value)]
    if schema.task == "multilabel":
        return [label for label, has in zip(schema.labels, value, strict=True) if has]
    return float(value)


def _badness(answer: dict[str, Any], truth: Any) -> float:
    if "score" in answer:
        return abs(float(answer["score"]) - float(truth))
    if "labels" in answer:
        return float(len(set(answer["labels"]) ^ set(truth)))
    return float(answer["probability"]) if answer["label"] != truth else 0.0
