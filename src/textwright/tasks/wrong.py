"""The rows a model gets wrong, the surest mistakes first: what to read before anything else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from textwright.tasks.base import Array, Decode, Task
from textwright.text.schema import Schema
from textwright.text.targets import Targets

MAX_WRONG = 50
EXCERPT = 300


@dataclass
class WrongRows:
    """Keeps the 50 worst answers of a stream of rows; of graded answers, those with the largest gaps.

    With a threshold they are the guesses, as in all scores but those of what is answered.
    """

    task: Task
    schema: Schema
    decode: Decode
    _worst: list[tuple[float, int, dict[str, Any]]] = field(default_factory=list)
    _seen: int = 0

    def update(self, outputs: Array, truth: Targets, texts: list[str]) -> None:
        """Take in one batch."""
        answers = self.task.answers(outputs, self.schema, self.decode.replaced({"least": None}), False)
        for answer, value, text in zip(answers, truth, texts, strict=True):
            given = truth_of(value, self.schema)
            badness = _badness(answer, given)
            if badness > 0:
                record = {"text": text[:EXCERPT], "truth": given, **answer}
                self._worst.append((-badness, self._seen, record))
            self._seen += 1
        self._worst = sorted(self._worst, key=lambda item: item[:2])[:MAX_WRONG]

    def records(self) -> list[dict[str, Any]]:
        """Text, truth and answer of each."""
        return [record for _, _, record in self._worst]


def truth_of(value: Any, schema: Schema) -> Any:
    """A target as a person names it: a label, a list of labels or a number."""
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
