"""Which tokens speak for an answer, on request: the methods by name, and one record a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.registry import Registry
from textwright.tasks.base import TASKS, Decode
from textwright.tasks.explaining.base import Focus, Method, Weighed
from textwright.tasks.trainers.base import Engine
from textwright.text.schema import Schema, TaskName

METHODS: Registry[Method] = Registry(
    "method of explaining",
    {
        "gradient": "textwright.tasks.explaining.gradient:METHOD",
        "integrated": "textwright.tasks.explaining.integrated:METHOD",
        "occlusion": "textwright.tasks.explaining.occlusion:METHOD",
        "attention": "textwright.tasks.explaining.attention:METHOD",
    },
)


def method_for(name: str, engine: Engine) -> Method:
    """The method of this name. Raises ConfigError when there is none, or none for this kind of model."""
    method = METHODS.get(name)
    if why := method.refusal(engine):
        *others, last = [other for other in METHODS if not METHODS.get(other).refusal(engine)]
        either = f"{', '.join(others)} or {last}" if others else last
        raise ConfigError(f"explaining by {name}: {why}", hint=f"Use {either}.")
    return method


def explain(
    engine: Engine,
    schema: Schema,
    decode: Decode,
    texts: Sequence[str],
    name: str = "gradient",
    *,
    probabilities: bool = False,
) -> list[dict[str, Any]]:
    """One record for each cleaned text: itself, its answer, its `tokens` with weights, how many were `cut`.

    Raises ConfigError.
    """
    method, task = method_for(name, engine), TASKS.get(schema.task)
    if not texts:
        return []
    outputs = engine.outputs(texts)
    focus = Focus.on(outputs, schema, decode)
    answers = task.answers(outputs, schema, decode, probabilities)
    weighed = method.weigh(engine, texts, focus)
    records = []
    for text, answer, found, column in zip(texts, answers, weighed, focus.columns, strict=True):
        about = {"explained": schema.labels[column]} if schema.task == "multilabel" else {}
        records.append(
            {"text": text, **answer, **about, "tokens": _tokens(text, found), "cut": found.reading.cut}
        )
    return records


def _tokens(text: str, found: Weighed) -> list[dict[str, Any]]:
    return [
        {"text": text[start:end], "start": start, "end": end, "weight": float(f"{weight:.6g}")}
        for (start, end), weight in zip(found.reading.spans, found.weights, strict=True)
    ]


def unexplained(task: TaskName) -> dict[str, Any]:
    """What stands beside the answer to a row that could not be read."""
    about = {"explained": None} if task == "multilabel" else {}
    return {**about, "tokens": [], "cut": 0}
