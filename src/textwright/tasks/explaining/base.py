"""What all methods of explaining share: the number that is explained, what was read, and how a method looks.

Shapes: N texts, n of them (or changed copies of them), K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray, Ragged
from textwright.measure.calibrate import softmax
from textwright.tasks.base import TASKS, Array, Decode
from textwright.tasks.trainers.base import Engine
from textwright.tasks.trainers.long import CUT, Long
from textwright.text.chunks import Chunks
from textwright.text.schema import Schema
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.base import Keep, truncated

Span = tuple[int, int]


@dataclass(frozen=True)
class Focus:
    """The answer to each text as one number that grows with it, all in float64.

    For a label these are its log-odds before temperature, among several classes those against all others
    together (a log-probability would hardly move where the model is sure); for a graded answer the score
    before it is held inside its range. `columns` (N,) are the outputs looked at, `factors` (N,) turn and
    scale them.
    """

    outputs: Array
    columns: IntArray
    factors: NDArray[np.float64]
    competes: bool

    @classmethod
    def on(cls, outputs: Array, schema: Schema, decode: Decode) -> Focus:
        """The answer that is given for `outputs` (N, K); of several labels, the most probable one of those
        that are answered, or of all where none is.
        """
        task = TASKS.get(schema.task)
        link, zeros = task.link(schema), np.zeros(len(outputs), np.int64)
        if link == "identity":
            return cls(outputs, zeros, np.full(len(outputs), decode.spread), False)
        answered = task.answered(outputs, decode)
        best: IntArray = answered.astype(np.int64)
        if schema.task == "multilabel":
            left_out = answered.any(axis=1, keepdims=True) & (answered == 0)
            best = np.where(left_out, -1.0, task.measured(outputs, decode)).argmax(axis=1)
        if schema.task == "classify" and outputs.shape[1] == 1:  # the log-odds of the second of two classes
            return cls(outputs, zeros, np.where(best == 1, 1.0, -1.0), False)
        return cls(outputs, best, np.ones(len(outputs)), link == "softmax")

    def value(self, outputs: Array, texts: IntArray) -> NDArray[np.float64]:
        """(n,) the number for `outputs` (n, K) that belong to `texts` (n,)."""
        own, others = self._parted(outputs, texts)
        if self.competes:
            top = others.max(axis=1)
            own = own - top - np.log(np.exp(others - top[:, None]).sum(axis=1))
        scaled: NDArray[np.float64] = self.factors[texts] * own
        return scaled

    def slope(self, outputs: Array, texts: IntArray) -> NDArray[np.float64]:
        """(n, K) how `value` changes with each output."""
        _, others = self._parted(outputs, texts)
        slope = -softmax(others) if self.competes else np.zeros(outputs.shape)
        slope[np.arange(len(texts)), self.columns[texts]] = 1.0
        return slope * self.factors[texts][:, None]

    def _parted(self, outputs: Array, texts: IntArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The output looked at (n,), and all outputs with minus infinity in its place (n, K)."""
        places, others = np.arange(len(texts)), outputs.astype(np.float64)
        own = others[places, self.columns[texts]]
        others[places, self.columns[texts]] = -np.inf
        return own, others


class Slopes(Protocol):
    """What a gradient needs of a focus."""

    def slope(self, outputs: Array, texts: IntArray) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class ChunkSlopes:
    """How the number for a text changes with the outputs (M, K) of each of its chunks."""

    slopes: NDArray[np.float64]

    def slope(self, outputs: Array, chunks: IntArray) -> NDArray[np.float64]:
        """(n, K) for the chunks (n,); it follows from the outputs of all chunks, not from these (n, K)."""
        found: NDArray[np.float64] = self.slopes[chunks]
        return found


@dataclass(frozen=True)
class Reading:
    """The tokens of a text that a model reads, where each stands in the text, and how many were cut off.

    `ids` are without the frame ([CLS], [SEP]); they are None for a model that reads words and not tokens.
    """

    spans: list[Span]
    ids: list[int] | None = None
    cut: int = 0


@dataclass(frozen=True)
class Weighed:
    """What was read of a text, and the weight of each token (positive: speaks for the answer)."""

    reading: Reading
    weights: Array


@runtime_checkable
class TokenEngine(Protocol):
    """An engine whose model is a torch network that reads the ids of a tokenizer."""

    architecture: str
    network: Any
    tokenizer: Tokenizer
    long: Long

    def of_rows(self, rows: Ragged) -> Array:
        """(M, K) outputs of rows of ids, the frame not yet around them."""
        ...


class Explainer(Protocol):
    """What a method does: tokens and weights of every (cleaned) text for the answers that `focus` holds."""

    def __call__(self, engine: Any, texts: Sequence[str], focus: Focus) -> list[Weighed]: ...


@dataclass(frozen=True)
class Method:
    """A registry entry; `refusal` says why an engine cannot be explained so, and nothing when it can."""

    refusal: Callable[[Engine], str]
    weigh: Explainer


def reads_tokens(engine: Engine) -> str:
    """The refusal of methods that need the vectors of tokens."""
    return "" if isinstance(engine, TokenEngine) else f"{engine.architecture} has no token vectors"


@dataclass(frozen=True)
class Read:
    """What an engine reads of each of N texts, and in which chunks (M); one a text where texts are cut."""

    readings: list[Reading]
    chunks: Chunks

    @classmethod
    def by(cls, engine: TokenEngine, texts: Sequence[str]) -> Read:
        """The tokens of (cleaned) texts as `engine.outputs` reads them."""
        readings = read_tokens(engine.tokenizer, texts, engine.long)
        rows = Ragged.from_lists([reading.ids or [] for reading in readings])
        return cls(readings, engine.long.chunks(rows, engine.tokenizer))

    def slopes(self, engine: TokenEngine, focus: Focus) -> Slopes:
        """How the numbers of `focus` change with the outputs of the chunks."""
        if self.chunks.is_trivial:
            return focus
        of_texts = focus.slope(focus.outputs, np.arange(len(self.readings)))
        return ChunkSlopes(engine.long.slopes(engine.of_rows(self.chunks.rows), self.chunks, of_texts))

    def votes(self, engine: TokenEngine, focus: Focus) -> NDArray[np.float64]:
        """(M,) how much each chunk counts for the number of its text; they add up to 1."""
        if self.chunks.is_trivial:
            return np.ones(len(self.readings))
        outputs = engine.of_rows(self.chunks.rows)
        return engine.long.votes(outputs, self.chunks, focus.columns, focus.factors)

    def weighed(self, weights: Sequence[Array]) -> list[Weighed]:
        """The weights of the tokens of M chunks, added up to those of the tokens of N texts."""
        found = [np.zeros(len(reading.spans)) for reading in self.readings]
        for text, start, own in zip(self.chunks.texts, self.chunks.starts, weights, strict=True):
            found[text][start : start + len(own)] += own
        return [Weighed(*pair) for pair in zip(self.readings, found, strict=True)]


def read_tokens(tokenizer: Tokenizer, texts: Sequence[str], long: Long = CUT) -> list[Reading]:
    """What a network gets of each text, the frame left out, with places in the text."""
    limit = long.limit(tokenizer)
    return [
        _reading(tokenizer, text, tokens, limit)
        for text, tokens in zip(texts, tokenizer.spans(texts), strict=True)
    ]


def _reading(
    tokenizer: Tokenizer, text: str, tokens: tuple[list[int], list[Span]], limit: tuple[int | None, Keep]
) -> Reading:
    ids, spans = tokens
    dropped = tokenizer.size if tokenizer.settings.drop_unknown else -1
    known = [i for i, token in enumerate(ids) if token != dropped]
    kept = truncated(Ragged.from_lists([known]), *limit)[0].tolist()
    return Reading([_visible(text, *spans[i]) for i in kept], [ids[i] for i in kept], len(known) - len(kept))


def _visible(text: str, start: int, end: int) -> Span:
    """The span without blanks at its ends: pieces of BPE begin with the one before the word."""
    piece = text[start:end]
    bare = piece.strip()
    if not bare:
        return start, end
    start += len(piece) - len(piece.lstrip())
    return start, start + len(bare)


def in_parts(items: Iterator[tuple[int, Any]], size: int) -> Iterator[tuple[IntArray, list[Any]]]:
    """Numbered things, cut into lists of about `size` elements altogether, so that memory stays flat."""
    numbers: list[int] = []
    things: list[Any] = []
    total = 0
    for number, thing in items:
        numbers.append(number)
        things.append(thing)
        total += len(thing) + 1
        if total >= size:
            yield np.array(numbers), things
            numbers, things, total = [], [], 0
    if things:
        yield np.array(numbers), things
