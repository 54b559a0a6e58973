"""Texts to answers on top of an engine, in chunks, so that a file of any size streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from textwright.bundle.folder import Bundle, load_bundle
from textwright.bundle.manifest import COPY_AGAIN
from textwright.core.errors import BundleError, TextwrightError
from textwright.measure.base import Meter
from textwright.tasks.base import TASKS, Decode, Task
from textwright.tasks.trainers import load_engine
from textwright.tasks.trainers.base import Engine
from textwright.tasks.wrong import WrongRows
from textwright.text.clean import clean_text
from textwright.text.schema import Schema
from textwright.text.targets import Targets

# Texts that are answered at once: so many rows, or so many characters when they are long.
CHUNK, CHUNK_CHARACTERS = 4096, 4_000_000
# What building a model from files that do not fit together raises.
_UNFIT = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)


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
            _refuse_misfit(engine, bundle)
        except BundleError:
            raise
        except (*_UNFIT, SafetensorError, TextwrightError) as error:
            what = (str(error).splitlines() or [type(error).__name__])[0]
            raise BundleError(
                f"{bundle.path}: the model cannot be built ({what})",
                hint=COPY_AGAIN,
            ) from None
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

    def measure(self, texts: Sequence[str], targets: Targets) -> tuple[Meter, WrongRows]:
        """A meter that has seen all rows, and the rows that are most wrong."""
        meter, wrong = self.task.meter(self.schema), WrongRows(self.task, self.schema, self.decode)
        start = 0
        for chunk in _chunks(texts):
            outputs, truth = self.engine.outputs(chunk), targets[start : start + len(chunk)]
            meter.update(truth, self.task.measured(outputs, self.decode))
            wrong.update(outputs, truth, chunk)
            start += len(chunk)
        return meter, wrong


def _refuse_misfit(engine: Engine, bundle: Bundle) -> None:
    """A model that works and has as many outputs as the labels need."""
    found = engine.outputs(["?"]).shape
    wanted = (1, TASKS.get(bundle.schema.task).num_outputs(bundle.schema))
    if found != wanted:
        what = f"the model gives outputs of shape {found}, its labels need {wanted}"
        raise BundleError(f"{bundle.path}: {what}", hint=COPY_AGAIN)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == CHUNK or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
