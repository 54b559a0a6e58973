"""Texts to answers on top of an engine, in chunks, so that a file of any size streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from textwright.bundle.folder import Bundle, load_bundle
from textwright.core.errors import BundleError, TextwrightError
from textwright.measure.base import Meter
from textwright.tasks.base import TASKS, Decode, Task
from textwright.tasks.trainers import load_engine
from textwright.tasks.trainers.base import Engine
from textwright.text.clean import clean_text
from textwright.text.schema import Schema
from textwright.text.targets import Targets

CHUNK = 4096


class Predictor:
    """A model that answers.

    >>> predictor = Predictor.load("my-model")  # doctest: +SKIP
    >>> predictor.predict(["what a wonderful day"])  # doctest: +SKIP
    [{'label': 'positive', 'probability': 0.93}]
    """

    def __init__(self, engine: Engine, schema: Schema, decode: Decode, bundle: Bundle | None = None) -> None:
        self.engine, self.schema, self.decode, self.bundle = engine, schema, decode, bundle
        self.task: Task = TASKS.get(schema.task)

    @classmethod
    def load(cls, path: str | Path) -> Predictor:
        """Open a model folder, its hashes checked. Raises BundleError."""
        bundle = load_bundle(path)
        try:
            engine = load_engine(bundle.path)
            decode = Decode.parse(bundle.manifest.decode)
        except BundleError:
            raise
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, TextwrightError) as error:
            raise BundleError(f"{bundle.path}: the model cannot be built ({str(error).splitlines()[0]})", hint="Copy the folder again, or train again.") from None
        return cls(engine, bundle.schema, decode, bundle)

    def predict(self, texts: Sequence[str], *, probabilities: bool = False) -> list[dict[str, Any]]:
        """One answer a text, in the same order: `label` and `probability`, `labels`, or `score`."""
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts; for one text give [text]")
        return [answer for chunk in self.stream(texts, probabilities=probabilities) for answer in chunk]

    def stream(self, texts: Iterable[str], *, probabilities: bool = False) -> Iterator[list[dict[str, Any]]]:
        """Answers in chunks, for texts that do not fit in memory."""
        for chunk in _chunks(texts):
            outputs = self.engine.outputs([clean_text(text) for text in chunk])
            yield self.task.answers(outputs, self.schema, self.decode, probabilities)

    def measure(self, texts: Sequence[str], targets: Targets) -> Meter:
        """A meter that has seen all rows."""
        meter = self.task.meter(self.schema)
        for start in range(0, len(texts), CHUNK):
            outputs = self.engine.outputs(texts[start : start + CHUNK])
            meter.update(targets[start : start + CHUNK], self.task.measured(outputs, self.decode))
        return meter


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
