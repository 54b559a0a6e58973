"""A learned extractor: which sentences a summary has, by their place, how central they are, what they say.

Two models, one on top of the other: a bag of n-grams (`models/bag`) says how likely a sentence is one that a
summary has, by its words, and trees (`boosting`) put this together with the properties of the sentence in
its document. Both learn from the sentences that agree best with a reference (`oracle`). The trees rank: their
loss is the cross entropy of a softmax over the sentences of a document, half to the greedy choice, evenly,
half to how well each sentence agrees alone. How many sentences a summary has is chosen on documents held out.

Shapes: S sentences of D documents; P properties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import ModelError
from textwright.core.ragged import IntArray, Ragged
from textwright.core.seeds import derive, generator
from textwright.models.bag.fit import BagData, BagFit, prepare
from textwright.models.bag.model import BagModel, BagSettings
from textwright.models.extract.boosting import BoostSettings, Slopes, Trees, boost
from textwright.models.extract.features import Sentences, lowered, properties
from textwright.models.extract.oracle import Oracle, agreement, oracle
from textwright.models.extract.selection import Room, choose
from textwright.models.extract.words import Words

Array = NDArray[np.float64]

LEAST_DOCUMENTS = 20
_HELD_OUT, _MOST_HELD_OUT = 0.1, 1000
# Sentences that agree with the reference nearly as well count nearly as much: a difference of so much ROUGE-1
# and -2 is one of e times. Half of what is learned is this, half the greedy choice.
_WARMTH, _GREEDY_SHARE = 0.1, 0.5
_LEAST_CURVATURE = 1e-3
_RATE = 1.0
_MOST_SENTENCES = 6
_ROOM = Room(3)
_SHARES = (0.0, 0.3, 1.0)
_LENGTHS = (0.75, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Extractor:
    """What was learned, and how summaries are cut where nothing is said: their room, and what they repeat."""

    trees: Trees
    bag: BagModel
    room: Room = _ROOM
    max_shared: float = 1.0

    def scores(self, sentences: Sentences) -> Array:
        """(S,) the highest of a document first; only those of one document can be compared."""
        told = self.bag.outputs(sentences.lowered)[:, 0]
        return self.trees.outputs(_columns(sentences, told))

    def choose(self, sentences: Sentences, room: Room | None = None) -> list[IntArray]:
        """The sentences of each document that make its summary, counted from its first one."""
        return chosen(sentences.words, self.scores(sentences), room or self.room, self.max_shared)

    @property
    def num_parameters(self) -> int:
        """All numbers that were learned."""
        return sum(int(value.size) for value in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that is learned, by name, for a safetensors file."""
        return {
            **{f"trees.{name}": value for name, value in vars(self.trees).items()},
            **{f"bag.{name}": value for name, value in self.bag.arrays().items()},
        }

    def config(self) -> dict[str, Any]:
        """Everything that is not an array, for a JSON file."""
        room = asdict(self.room)
        return {**self.bag.config(), "properties": _names(), "room": room, "max_shared": self.max_shared}

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Extractor:
        """The extractor that `config` and `arrays` describe. Raises ModelError for other properties."""
        if config["properties"] != _names():
            raise ModelError(
                "the extractor was made for other properties of sentences than this version knows",
                hint="Train it again with this version.",
            )
        parts: dict[str, dict[str, NDArray[Any]]] = {"trees": {}, "bag": {}}
        for name, value in arrays.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = value
        bag = BagModel.restore(config, parts["bag"])
        return cls(Trees(**parts["trees"]), bag, Room(**config["room"]), config["max_shared"])


def chosen(words: Words, scores: Array, room: Room, max_shared: float = 1.0) -> list[IntArray]:
    """The sentences of each document that make its summary; see `selection.choose`."""
    found = []
    for first, last in zip(words.offsets[:-1].tolist(), words.offsets[1:].tolist(), strict=True):
        rows = [words.ids[row] for row in range(first, last)]
        found.append(choose(scores[first:last], rows, room, max_shared))
    return found


def fit_extractor(
    sentences: Sentences, references: Ragged, seed: int = 0, settings: BoostSettings | None = None
) -> Extractor:
    """Learn from D documents and their references, in code points; the bits depend on the seed alone.

    One document in ten is held out to choose the room of summaries on; then all are learned from. Raises
    ModelError for fewer than 20 documents, or where no reference shares a word with its document.
    """
    if len(references) < LEAST_DOCUMENTS:
        raise ModelError(
            f"{len(references):,} documents with summaries are too few to learn from",
            hint=f"Give {LEAST_DOCUMENTS} at least, or summarize with a method that does not learn.",
        )
    words, wanted = sentences.numbered(Ragged(lowered(references.values), references.offsets))
    judged = oracle(words, wanted)
    if not judged.chosen.any():
        raise ModelError(
            "no summary shares a word with its document",
            hint="Check which columns hold the texts and the summaries.",
        )
    fit = _Fit(sentences, words, judged, seed, settings or BoostSettings())
    count = len(references)
    order = generator(seed, "extract", "held out").permutation(count)
    num_held = min(max(int(_HELD_OUT * count), 1), _MOST_HELD_OUT)
    held, rest = np.sort(order[:num_held]), np.sort(order[num_held:])
    trial = fit.learned(rest)
    part = sentences.take(held)
    room, max_shared = best_room(_taken(words, held), trial.scores(part), wanted.take(held))
    return replace(fit.learned(np.arange(count)), room=room, max_shared=max_shared)


@dataclass(frozen=True)
class _Fit:
    """Everything that fits of parts of the documents share."""

    sentences: Sentences
    words: Words
    judged: Oracle
    seed: int
    settings: BoostSettings

    def learned(self, documents: IntArray) -> Extractor:
        """The extractor of these documents; its trees see what a bag says of sentences that are new to it."""
        part = self.sentences.take(documents)
        rows = np.flatnonzero(np.isin(self.words.documents, documents))
        judged = Oracle(self.judged.chosen[rows], self.judged.alone[rows])
        targets = judged.chosen.astype(np.float32)[:, None]
        data = prepare(
            part.lowered, targets, "sigmoid", _bag_settings(), ideographs=part.is_ideographic, threads=1
        )
        half = part.words.documents % 2
        told = np.zeros(len(rows))
        for side in (0, 1):
            bag = self._bag(data, np.flatnonzero(half == side))
            other = np.flatnonzero(half != side)
            told[other] = bag.outputs(part.lowered.take(other))[:, 0]
        slopes = listwise(part.words, wanted_shares(part.words, judged))
        trees = boost(_columns(part, told), slopes, self.seed, self.settings)
        return Extractor(trees, self._bag(data, np.arange(len(rows))))

    def _bag(self, data: BagData, rows: IntArray) -> BagModel:
        fit = BagFit(_bag_settings(), data, derive(self.seed, "extract", "bag"), lambda: False)
        for _ in fit.refit(rows):
            pass
        assert fit.model is not None
        return fit.model


def _bag_settings() -> BagSettings:
    return BagSettings(rate=_RATE)


def _columns(sentences: Sentences, told: NDArray[Any]) -> Array:
    """(S, P) the properties, and what the bag says."""
    return np.stack([*properties(sentences).values(), told.astype(np.float64)], axis=1)


def _names() -> list[str]:
    return [*properties(Sentences.of_texts([["a"]]))]


def _taken(words: Words, documents: IntArray) -> Words:
    rows = np.flatnonzero(np.isin(words.documents, documents))
    return Words(words.ids.take(rows), np.concatenate([[0], np.cumsum(words.sizes[documents])]))


def wanted_shares(words: Words, judged: Oracle) -> Array:
    """(S,) what share of its document's choice each sentence should have; none where nothing agrees."""
    greedy = judged.chosen.astype(np.float64)
    counts = words.sums(greedy)[words.documents]
    near = _softmax(words, judged.alone / _WARMTH)
    shares = _GREEDY_SHARE * greedy / np.maximum(counts, 1) + (1 - _GREEDY_SHARE) * near
    return np.where(counts > 0, shares, 0)


def listwise(words: Words, wanted: Array) -> Slopes:
    """The cross entropy of the softmax over each document's sentences to what is wanted (Cao et al. 2007)."""
    known = words.sums(wanted)[words.documents] > 0

    def slopes(outputs: Array) -> tuple[Array, Array]:
        shares = _softmax(words, outputs)
        curvatures = np.maximum(shares * (1 - shares), _LEAST_CURVATURE)
        return (shares - wanted) * known, curvatures * known

    return slopes


def _softmax(words: Words, outputs: Array) -> Array:
    """(S,) shares of each document."""
    highest = np.full(len(words.sizes), -np.inf)
    np.maximum.at(highest, words.documents, outputs)
    powers = np.exp(outputs - highest[words.documents])
    return np.asarray(powers / words.sums(powers)[words.documents], np.float64)


def best_room(
    words: Words, scores: Array, references: Ragged, shares: Sequence[float] = _SHARES
) -> tuple[Room, float]:
    """How much summaries by these scores (S,) may hold, and repeat, to agree best with their references (D).

    The references are words by the numbers of `words`. Of ties the shortest is taken.
    """
    length = float(references.lengths.mean())
    rooms = [Room(count) for count in range(1, _MOST_SENTENCES + 1)]
    rooms += [Room(words=max(round(length * share), 1)) for share in _LENGTHS]
    options = [(room, max_shared) for room in rooms for max_shared in reversed(shares)]
    return max(options, key=lambda asked: _agreement(words, scores, references, *asked))


def _agreement(words: Words, scores: Array, references: Ragged, room: Room, max_shared: float) -> float:
    """The mean agreement of the summaries of some documents."""
    found = zip(words.offsets[:-1], chosen(words, scores, room, max_shared), references, strict=True)
    agreed = [
        agreement([words.ids[first + row] for row in rows], reference) for first, rows, reference in found
    ]
    return float(np.mean(agreed))
