"""How a bag is fitted: n-grams counted once, weighting and strength chosen on validation, then refitted on all rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from textwright.core.ragged import IntArray, Ragged
from textwright.core.records import StepEvent
from textwright.core.seeds import generator
from textwright.models.bag.features import NGrams
from textwright.models.bag.matrix import Vocabulary, learn_vocabulary
from textwright.models.bag.model import BagModel, BagSettings, values
from textwright.models.bag.solver import Array, LinearProblem, Link, Solution, row_scale

Weighting = Literal["bayes", "idf"]

STRENGTHS = (1.0, 4.0, 16.0, 64.0)
# Strengths are about the same for a part of the rows: the choice is made on at most so many n-grams.
_MAX_ENTRIES_TO_CHOOSE = 6_000_000
_LONG_TEXT = 600


@dataclass(frozen=True)
class BagData:
    """All rows that may be learned from, counted; which n-grams come from which vocabulary."""

    vocabularies: tuple[Vocabulary, ...]
    counts: csr_array
    blocks: IntArray
    targets: Array
    link: Link
    threads: int


@dataclass(frozen=True)
class BagChoice:
    """A weighting and strength, and how the judge found them on validation (lower is better)."""

    weighting: Weighting
    strength: float
    judged: float = float("inf")


@dataclass
class BagFit:
    """The state of one fit: what is best so far and, after `refit`, the model."""

    settings: BagSettings
    data: BagData
    seed: int
    stop: Callable[[], bool]
    started: float = field(default_factory=time.monotonic)
    best: BagChoice | None = None
    model: BagModel | None = None
    steps: int = 0

    def search(self, train: IntArray, validation: IntArray, judge: Callable[[Array], float]) -> Iterator[StepEvent]:
        """Try weightings and strengths, an event each; `judge` reads the outputs (N, K) of the validation rows."""
        few = self._few(train)
        weightings: tuple[Weighting, ...] = ("bayes", "idf") if self.settings.weighting == "auto" else (self.settings.weighting,)
        for weighting in weightings:
            yield from self._path(weighting, few, validation, judge)

    def _path(
        self, weighting: Weighting, train: IntArray, validation: IntArray, judge: Callable[[Array], float]
    ) -> Iterator[StepEvent]:
        """Strengths from weak to strong, each started from the one before, until it gets worse twice."""
        strengths = STRENGTHS if self.settings.strength == "auto" else (self.settings.strength,)
        scaled = Scaled.by(weighting, self.data, train)
        problem = scaled.problem(train)
        held_out = scaled.x[validation]
        length = row_scale(held_out @ (scaled.scale * scaled.scale))
        weights, worse, last = Weights.zeros(*scaled.scale.shape), 0, float("inf")
        for strength in strengths:
            if self.best is not None and self.stop():
                return
            weights, value, steps = minimise(problem, weights, strength)
            z = length * (held_out @ (scaled.scale * weights.v)) + weights.bias
            judged = judge(scaled.unscaled(z))
            is_best = self.best is None or judged < self.best.judged
            if is_best:
                self.best = BagChoice(weighting, strength, judged)
                self.model = scaled.model(weights)
            worse, last = worse + 1 if judged > last else 0, judged
            yield self._event(len(train), steps, value / strength / len(train), judged, is_best)
            if worse == 2:
                return

    def refit(self, rows: IntArray) -> Iterator[StepEvent]:
        """Fit on `rows` with the choice found (or the settings given)."""
        choice = self.best or BagChoice(self._default_weighting(), self._default_strength())
        scaled = Scaled.by(choice.weighting, self.data, rows)
        weights, value, steps = minimise(
            scaled.problem(rows), Weights.zeros(*scaled.scale.shape), choice.strength, stop=self._stop_refit
        )
        self.model = scaled.model(weights)
        yield self._event(len(rows), steps, value / choice.strength / len(rows), None, True)

    def _stop_refit(self) -> bool:
        return self.stop()

    def _default_weighting(self) -> Weighting:
        return "bayes" if self.settings.weighting == "auto" else self.settings.weighting

    def _default_strength(self) -> float:
        return 4.0 if self.settings.strength == "auto" else self.settings.strength

    def _few(self, train: IntArray) -> IntArray:
        """All rows, or a part of them when there is much text: choosing needs fewer rows than fitting."""
        entries = self.data.counts.indptr[train + 1] - self.data.counts.indptr[train]
        share = _MAX_ENTRIES_TO_CHOOSE / max(int(entries.sum()), 1)
        if share >= 1:
            return train
        chosen = generator(self.seed, "bag", "few").permutation(len(train))[: int(len(train) * share)]
        return train[np.sort(chosen)]

    def _event(self, rows: int, steps: int, loss: float, judged: float | None, is_best: bool) -> StepEvent:
        self.steps += steps
        seconds = time.monotonic() - self.started
        tokens = int(self.data.counts.nnz)
        scores = None if judged is None else {"judged": judged}
        per_second = tokens * self.steps / max(seconds, 1e-9)
        return StepEvent(self.steps, float(self.steps), rows, tokens, seconds, loss, 0.0, per_second, None, scores, is_best)


@dataclass(frozen=True)
class Scaled:
    """The rows with one weighting: values x (N, F), n-gram weights (F, K), targets shifted and spread."""

    data: BagData
    x: csr_array
    scale: Array
    counted: bool
    offset: float
    spread: float

    @classmethod
    def by(cls, weighting: Weighting, data: BagData, rows: IntArray) -> Scaled:
        """Weights are learned from `rows` alone; n-grams that too few of them hold get the weight zero."""
        counted = weighting == "idf"
        x = values(data.counts, counted)
        part = data.counts[rows]
        num_rows = np.bincount(part.indices, minlength=part.shape[1]).astype(np.float32)[:, None]
        graded = data.link == "identity"
        offset = float(data.targets[rows].mean()) if graded else 0.0
        spread = max(float(data.targets[rows].std()), 1e-6) if graded else 1.0
        positive = (data.targets[rows] > offset).astype(np.float32) if graded else data.targets[rows]
        scale = _bayes(values(part, False), positive, num_rows) if weighting == "bayes" else _idf(num_rows, len(rows), positive.shape[1])
        return cls(data, x, _balanced(scale * (num_rows > 0), x[rows], data.blocks), counted, offset, spread)

    def problem(self, rows: IntArray) -> LinearProblem:
        targets = (self.data.targets[rows] - np.float32(self.offset)) / np.float32(self.spread)
        return LinearProblem(self.x[rows], targets, self.scale, self.data.link, self.data.threads)

    def unscaled(self, z: Array) -> Array:
        return z * np.float32(self.spread) + np.float32(self.offset)

    def model(self, weights: Solution) -> BagModel:
        """Columns that carry nothing are left out."""
        matrix, squares = self.scale * weights.v, self.scale * self.scale
        vocabularies, all_squares, all_weights = [], [], []
        for i, vocabulary in enumerate(self.data.vocabularies):
            used = np.flatnonzero((self.data.blocks == i) & (squares.max(axis=1) > 0))
            first = int(np.searchsorted(self.data.blocks, i))
            vocabularies.append(replace(vocabulary, buckets=vocabulary.buckets[used - first]))
            all_squares.append(squares[used])
            all_weights.append(matrix[used])
        return BagModel(
            tuple(vocabularies), self.counted, tuple(all_squares), tuple(all_weights), weights.bias, self.offset, self.spread
        )


def prepare(rows: Ragged, targets: Array, link: Link, settings: BagSettings, *, ideographs: bool, threads: int) -> BagData:
    """Count the n-grams of all rows; `ideographs` says that most letters are Chinese or Japanese."""
    parts = [
        learn_vocabulary(rows, ngrams, min_rows=settings.min_rows, threads=threads)
        for ngrams in _blocks(rows, settings, ideographs)
    ]
    counts = parts[0][1] if len(parts) == 1 else csr_array(hstack([x for _, x in parts], format="csr"))
    blocks = np.repeat(np.arange(len(parts)), [x.shape[1] for _, x in parts])
    return BagData(tuple(v for v, _ in parts), counts, blocks, targets, link, threads)


def _blocks(rows: Ragged, settings: BagSettings, ideographs: bool) -> list[NGrams]:
    """Character n-grams pay for short texts in scripts with words (docs/log.md); long texts have words enough."""
    is_long = len(rows.values) > _LONG_TEXT * max(len(rows), 1)
    words = settings.words if settings.words != "auto" else 4 if ideographs else 3
    chars = settings.chars
    if chars == "auto":
        chars = "none" if ideographs or is_long else (2, 5)
    blocks = [NGrams(words)] if words else []
    return blocks if chars == "none" else [*blocks, NGrams(0, *chars)]


def _bayes(present: csr_array, positive: Array, num_rows: Array) -> Array:
    """Log-count ratios, one output against the rest, each n-gram counted once more than it was seen."""
    inside = (present.T.tocsr() @ positive).astype(np.float32) + 1
    outside = num_rows + 2 - inside
    p, q = inside / inside.sum(axis=0), outside / outside.sum(axis=0)
    return np.log(p / q).astype(np.float32)


def _idf(num_rows: Array, total: int, outputs: int) -> Array:
    weight = np.log((1 + total) / (1 + num_rows)) + 1
    return np.repeat(weight, outputs, axis=1).astype(np.float32)


def _balanced(scale: Array, x: csr_array, blocks: IntArray) -> Array:
    """Divide every block by its average length over the rows, for each output."""
    out = scale.copy()
    for block in np.unique(blocks):
        columns = blocks == block
        squares = np.where(columns[:, None], scale * scale, 0).astype(np.float32)
        out[columns] /= np.sqrt(np.maximum((x @ squares).mean(axis=0), 1e-12))
    return out
