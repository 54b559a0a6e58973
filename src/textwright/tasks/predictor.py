"""Texts to answers on top of an engine, in chunks, so that a file of any size streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from textwright.bundle.folder import Bundle, load_bundle
from textwright.bundle.manifest import COPY_AGAIN
from textwright.core.errors import BundleError, TextwrightError, first_line
from textwright.measure.base import Meter
from textwright.tasks.base import TASKS, Decode, Task
from textwright.tasks.explaining import explain, method_for
from textwright.tasks.rejecting import meter_for, take_in
from textwright.tasks.trainers import load_engine
from textwright.tasks.trainers.base import Engine
from textwright.tasks.wrong import WrongRows
from textwright.text.clean import clean_text
from textwright.text.schema import Schema
from textwright.text.targets import Targets
from textwright.text.terms import masked

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
            engine = load_engine(bundle.path, bundle.manifest.architecture, bundle.schema)
            decode = Decode.parse(bundle.manifest.decode)
            _refuse_misfit(engine, bundle, decode)
        except BundleError:
            raise
        except (*_UNFIT, SafetensorError, TextwrightError) as error:
            what = first_line(error)
            raise BundleError(
                f"{bundle.path}: the model cannot be built ({what})",
                hint=COPY_AGAIN,
            ) from None
        return cls(engine, bundle.schema, decode, bundle)

    def read(self, text: str) -> str:
        """A text as the model reads it: cleaned, and with a token where it must not know a term."""
        return masked(clean_text(text), self.schema.masks)

    def predict(self, texts: Sequence[str], *, probabilities: bool = False) -> list[dict[str, Any]]:
        """One answer a text, in the same order: `label` and `probability`, `labels`, or `score`.

        A model that was asked not to guess (`reject` of the recipe) has the `guess` as well, and None as the
        `label` of a text that it does not answer.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts; for one text give [text]")
        return [answer for chunk in self.stream(texts, probabilities=probabilities) for answer in chunk]

    def stream(self, texts: Iterable[str], *, probabilities: bool = False) -> Iterator[list[dict[str, Any]]]:
        """Answers in chunks, for texts that do not fit in memory."""
        for chunk in _chunks(texts):
            outputs = self.engine.outputs([self.read(text) for text in chunk])
            yield self.task.answers(outputs, self.schema, self.decode, probabilities)

    def explain(
        self, texts: Sequence[str], method: str = "gradient", *, probabilities: bool = False
    ) -> list[dict[str, Any]]:
        """One record a text, in the same order: the answer, and which tokens speak for it and against it.

        A record is what `predict` answers with more beside it: `text` is the text as the
        model reads it (see `read`); `tokens` holds `{"text", "start", "end", "weight"}`
        of each token, with its place in that text in characters; `cut` counts the tokens that were not read,
        the text being too long; and `explained` names the label in question where there may be several: the
        most probable one of those that are answered, or of all where none is. A weight is positive where the
        token speaks for the answer, in log-odds before calibration or, for graded answers, in units of the
        score.

        `method` is one of
        - `gradient`: gradient times input (arXiv:1312.6034), the quickest; it says little where the model is
          so sure that small changes change nothing;
        - `integrated`: gradients that add up to the difference to an empty text (arXiv:1703.01365);
        - `occlusion`: the answer with all tokens minus the answer without this one (arXiv:1311.2901), at the
          price of an answer for each token; the only one for `bag`, where the tokens are words;
        - `attention`: where the model looked, in shares that are never negative. That is not why it answered
          as it did (arXiv:1902.10186).

        Raises ConfigError for another method, and for one that does not go with the model.

        >>> predictor = Predictor.load("my-model")  # doctest: +SKIP
        >>> predictor.explain(["what a wonderful day"], "occlusion")[0]["tokens"][2]  # doctest: +SKIP
        {'text': 'wonderful', 'start': 7, 'end': 16, 'weight': 2.31}
        """
        if isinstance(texts, str):
            raise TypeError("explain takes a list of texts; for one text give [text]")
        method_for(method, self.engine)
        found: list[dict[str, Any]] = []
        for chunk in _chunks(texts):
            cleaned = [self.read(text) for text in chunk]
            found += explain(
                self.engine, self.schema, self.decode, cleaned, method, probabilities=probabilities
            )
        return found

    def measure(self, texts: Sequence[str], targets: Targets) -> tuple[Meter, WrongRows]:
        """A meter that has seen all rows, and the rows that are most wrong."""
        meter = meter_for(self.task, self.schema, self.decode)
        wrong = WrongRows(self.task, self.schema, self.decode)
        start = 0
        for chunk in _chunks(texts):
            outputs, truth = (
                self.engine.outputs([*map(self.read, chunk)]),
                targets[start : start + len(chunk)],
            )
            take_in(meter, self.task, outputs, truth, self.decode)
            wrong.update(outputs, truth, chunk)
            start += len(chunk)
        return meter, wrong


def _refuse_misfit(engine: Engine, bundle: Bundle, decode: Decode) -> None:
    """A model that works, and has as many outputs and offsets as the labels need."""
    found = engine.outputs(["?"]).shape
    wanted = (1, TASKS.get(bundle.schema.task).num_outputs(bundle.schema))
    if found != wanted:
        what = f"the model gives outputs of shape {found}, its labels need {wanted}"
        raise BundleError(f"{bundle.path}: {what}", hint=COPY_AGAIN)
    if decode.offsets and len(decode.offsets) != len(bundle.schema.labels):
        what = f"it has {len(decode.offsets)} offsets for {len(bundle.schema.labels)} labels"
        raise BundleError(f"{bundle.path}: {what}", hint=COPY_AGAIN)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts[{place}] is {type(text).__name__}, expected str")
        chunk.append(text)
        characters += len(text)
        if len(chunk) == CHUNK or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
