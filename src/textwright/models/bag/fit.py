"""How a bag is fitted: n-grams found once, rate chosen on validation, then a refit on all rows.

Shapes: N rows, F n-grams, K outputs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_array, hstack

from textwright.core.ragged import IntArray, Ragged
from textwright.core.records import StepEvent
from textwright.core.seeds import derive, generator
from textwright.models.bag.features import NGrams
from textwright.models.bag.matrix import Vocabulary, learn_vocabulary
from textwright.models.bag.model import BagModel, BagSettings, Weighting
from textwright.models.bag.solver import Array, Descent, Epoch, Loss, Problem, row_scale

Link = Literal["softmax", "sigmoid", "identity"]

# The rates that are tried, the best guess first: a curvature of one instead of a quarter needs smaller steps.
RATES: dict[Loss, tuple[float, ...]] = {"logistic": (4.0, 1.0), "hinge": (1.0, 0.5), "squared": (0.5, 0.125)}
# A margin of one is about so many log-odds: between 2.2 and 3.7 on nine sets, by their temperatures.
_MARGIN_IN_LOG_ODDS = np.float32(2.5)
# A choice needs fewer rows than a fit: so many entries times outputs (and some for the entry itself) do.
_WORK_TO_CHOOSE, _WORK_PER_ENTRY = 6_000_000, 4
# Above so many characters a row, words are enough and character n-grams cost ten times as much.
LONG_TEXT = 600
# Weights are kept for so many n-grams times outputs, 128 MB.
_MAX_WEIGHTS = 1 << 25


@dataclass(frozen=True)
class BagData:
    """All rows to learn from: ones where a row holds an n-gram (N, F), and where each vocabulary starts.

    `counts` (N,) is as how many each row counts, one where nothing is said.
    """

    vocabularies: tuple[Vocabulary, ...]
    present: csr_array
    starts: tuple[int, ...]
    targets: Array
    link: Link
    counts: Array | None = None

    def problem(self, rows: IntArray, squares: Array, seed: int) -> Problem:
        counts = None if self.counts is None else self.counts[rows]
        return Problem(self.present[rows], self.targets[rows], squares, seed, counts)


@dataclass(frozen=True)
class BagChoice:
    """A rate and a length, and how the judge found them on validation (lower is better)."""

    rate: float
    epochs: int
    judged: float = math.inf

    def to_json(self) -> dict[str, Any]:
        judged = self.judged if math.isfinite(self.judged) else None
        return {"rate": self.rate, "epochs": self.epochs, "judged": judged}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> BagChoice:
        return cls(found["rate"], found["epochs"], math.inf if found["judged"] is None else found["judged"])


@dataclass
class BagFit:
    """The state of one fit: the best choice and model so far, and after `refit` the model of all rows."""

    settings: BagSettings
    data: BagData
    seed: int
    stop: Callable[[], bool]
    started: float = field(default_factory=time.monotonic)
    best: BagChoice | None = None
    model: BagModel | None = None
    steps: int = 0
    rows: int = 0
    passes: float = 0.0
    tokens: int = 0

    def search(
        self, train: IntArray, validation: IntArray, judge: Callable[[Array], float]
    ) -> Iterator[StepEvent]:
        """Try the rates, an event an epoch; `judge` reads the outputs (N, K) of the validation rows.

        Where a part of the rows was enough to choose the rate, a fit of all of them follows: what is judged
        in the end is a model of `train`, as with every other architecture.
        """
        few = self._few(train)
        held_out = self.data.present[validation]
        squares = self._squares(few)
        problem = self.data.problem(few, squares, self.seed)
        lengths = row_scale(held_out @ squares)
        for trial in self._trials():
            if self.best is not None and self.stop():
                return
            descent = self._descent(problem, trial)
            for epoch in descent.epochs(self.stop):
                judged = judge(self._scale * (lengths * (held_out @ descent.weights) + descent.bias))
                is_best = self.best is None or judged < self.best.judged
                if is_best:
                    self.best = replace(trial, judged=judged)
                    self.model = _model(self.data, squares, descent, self._scale)
                yield self._event(problem, epoch, is_best, {"judged": judged})
                if not epoch.whole:
                    return
        if len(few) < len(train):
            yield from self._whole(train, validation, judge)

    def _whole(
        self, train: IntArray, validation: IntArray, judge: Callable[[Array], float]
    ) -> Iterator[StepEvent]:
        """Fit all of `train` with the rate that was found; stopped early, the model of fewer rows stays."""
        assert self.best is not None
        held_out = self.data.present[validation]
        squares = self._squares(train)
        lengths = row_scale(held_out @ squares)
        problem = self.data.problem(train, squares, self.seed)
        descent = self._descent(problem, self.best)
        for number, epoch in enumerate(descent.epochs(self.stop), 1):
            if not epoch.whole:
                return
            judged = judge(self._scale * (lengths * (held_out @ descent.weights) + descent.bias))
            is_last = number == self.best.epochs
            if is_last:
                self.best = replace(self.best, judged=judged)
                self.model = _model(self.data, squares, descent, self._scale)
            yield self._event(problem, epoch, is_last, {"judged": judged})

    def refit(self, rows: IntArray) -> Iterator[StepEvent]:
        """Fit on `rows` with the choice found (or the first of the settings), an event an epoch.

        Stopped before its last epoch is over, it leaves the model of the search: half a fit is worse.
        """
        if self.model is not None and self.stop():
            return
        squares = self._squares(rows)
        problem = self.data.problem(rows, squares, self.seed)
        descent = self._descent(problem, self.best or self._trials()[0])
        is_whole = True
        for epoch in descent.epochs(self.stop):
            is_whole = epoch.whole
            if self.best is None:
                self.model = _model(self.data, squares, descent, self._scale)
            yield self._event(problem, epoch, True, None)
        if is_whole and not self.stop():
            self.model = _model(self.data, squares, descent, self._scale)

    def _squares(self, rows: IntArray) -> Array:
        return ngram_squares(self.data, rows, self.settings.weighting)

    def describe(self) -> dict[str, Any]:
        """What was decided, for the plan."""
        blocks = [vars(vocabulary.ngrams) for vocabulary in self.data.vocabularies]
        choice = self.best or self._trials()[0]
        num_ngrams = self.data.present.shape[1]
        return {"blocks": blocks, "ngrams": num_ngrams, "loss": self._loss, **choice.to_json()}

    @property
    def _loss(self) -> Loss:
        return "squared" if self.data.link == "identity" else self.settings.loss

    @property
    def _scale(self) -> np.float32:
        """What turns the results of the fit into log-odds."""
        return _MARGIN_IN_LOG_ODDS if self._loss == "hinge" else np.float32(1)

    def _trials(self) -> list[BagChoice]:
        """What the settings leave open, the best guess first."""
        num_rows = self.data.present.shape[0]
        epochs = default_epochs(num_rows) if self.settings.epochs == "auto" else self.settings.epochs
        rates = RATES[self._loss] if self.settings.rate == "auto" else (self.settings.rate,)
        return [BagChoice(rate, epochs) for rate in rates]

    def _descent(self, problem: Problem, choice: BagChoice) -> Descent:
        self.passes = 0.0
        seed = derive(self.seed, "bag", "descent")
        return Descent(problem, self._loss, choice.rate, choice.epochs, seed)

    def _few(self, train: IntArray) -> IntArray:
        """All rows, or a part of them when there is much to do."""
        indptr = self.data.present.indptr
        entries = int((indptr[train + 1] - indptr[train]).sum())
        work = entries * (self.data.targets.shape[1] + _WORK_PER_ENTRY)
        if work <= _WORK_TO_CHOOSE:
            return train
        chosen = generator(self.seed, "bag", "few").permutation(len(train))
        return train[np.sort(chosen[: max(int(len(train) * _WORK_TO_CHOOSE / work), 1)])]

    def _event(
        self, problem: Problem, epoch: Epoch, is_best: bool, scores: dict[str, float] | None
    ) -> StepEvent:
        self.steps += -(-epoch.num_rows // problem.batch_size)
        self.rows += epoch.num_rows
        self.passes += epoch.num_rows / len(problem.targets)
        self.tokens += int(epoch.num_rows * self.data.present.nnz / max(self.data.present.shape[0], 1))
        seconds = time.monotonic() - self.started
        per_second = self.tokens / max(seconds, 1e-9)
        return StepEvent(
            self.steps,
            round(self.passes, 6),
            self.rows,
            self.tokens,
            seconds,
            epoch.loss,
            epoch.rate,
            per_second,
            scores=scores,
            is_best=is_best,
        )


def prepare(
    rows: Ragged, targets: Array, link: Link, settings: BagSettings, *, ideographs: bool, threads: int
) -> BagData:
    """Find the n-grams of all rows of lower-cased code points.

    `targets` (N, K) are shares of classes or of each label, 0 to 1, or standardised scores; `ideographs` says
    that most letters are Chinese or Japanese. Raises DataError beyond 16,777,216 rows.
    """
    blocks = _blocks(rows, settings, ideographs)
    max_columns = min(2_000_000, _MAX_WEIGHTS // targets.shape[1]) // len(blocks)
    parts = [
        learn_vocabulary(rows, ngrams, min_rows=settings.min_rows, max_columns=max_columns, threads=threads)
        for ngrams in blocks
    ]
    starts = np.cumsum([0, *(x.shape[1] for _, x in parts)]).tolist()
    present = parts[0][1] if len(parts) == 1 else csr_array(hstack([x for _, x in parts], format="csr"))
    return BagData(tuple(v for v, _ in parts), present, tuple(starts), targets.astype(np.float32), link)


def default_epochs(num_rows: int) -> int:
    """Few rows need more passes."""
    return int(np.clip(40_000 // max(num_rows, 1), 3, 10))


def ngram_squares(data: BagData, rows: IntArray, weighting: Weighting = "nb") -> Array:
    """Squared n-gram weights (F, K), learned from `rows` alone; those no row holds weigh zero.

    They are log-count ratios or inverse document frequencies; then every block is divided by its average
    length over the rows, for each output.
    """
    present = data.present[rows]
    num_rows = np.bincount(present.indices, minlength=present.shape[1]).astype(np.float32)[:, None]
    targets = data.targets[rows]
    if data.link == "identity":  # scores have no shares: those above the mean against those below
        targets = (targets > 0).astype(np.float32)
    counts = np.ones(len(targets), np.float32) if data.counts is None else data.counts[rows]
    weights = _WEIGHTS[weighting](present, targets, counts)
    squares = np.where(num_rows > 0, weights * weights, 0).astype(np.float32)
    for start, end in pairwise(data.starts):
        alone = np.zeros_like(squares)
        alone[start:end] = squares[start:end]
        squares[start:end] /= np.maximum((present @ alone).mean(axis=0), 1e-12)
    return squares


def _log_count_ratios(present: csr_array, targets: Array, counts: Array) -> Array:
    """Each output against the rest, every n-gram counted once more than it was seen (Wang & Manning 2012).

    Targets are shares: a row that is of a class with a probability of 0.7 counts as 0.7 there.
    """
    inside = (present.T @ (targets * counts[:, None])).astype(np.float32) + 1
    outside = (present.T @ counts).astype(np.float32)[:, None] + 2 - inside
    ratios: Array = np.log((inside / inside.sum(axis=0)) / (outside / outside.sum(axis=0)))
    return ratios


def _rarities(present: csr_array, targets: Array, counts: Array) -> Array:
    """Inverse document frequencies (Sparck Jones 1972), the same for every output."""
    num_rows = (present.T @ counts).astype(np.float32)[:, None]
    idf: Array = 1 + np.log((1 + counts.sum()) / (1 + num_rows))
    return np.repeat(idf.astype(np.float32), targets.shape[1], axis=1)


_WEIGHTS: dict[Weighting, Callable[[csr_array, Array, Array], Array]] = {
    "nb": _log_count_ratios,
    "idf": _rarities,
}


def _blocks(rows: Ragged, settings: BagSettings, ideographs: bool) -> list[NGrams]:
    """Words and characters; characters alone where they are the words; words alone in long texts."""
    is_long = len(rows.values) > LONG_TEXT * max(len(rows), 1)
    words, chars = settings.words, settings.chars
    if words == "auto":
        words = 0 if ideographs and chars != "none" else 3
    if chars == "auto":
        chars = (1, 3) if ideographs else "none" if is_long and words else (2, 5)
    if chars == "none":
        return [NGrams(max(words, 1))]
    return [*([NGrams(words)] if words else []), NGrams(0, *chars)]


def _model(data: BagData, squares: Array, descent: Descent, scale: np.float32) -> BagModel:
    """A copy of where the run stands, its outputs multiplied by `scale`."""
    pieces = [slice(a, b) for a, b in pairwise(data.starts)]
    return BagModel(
        data.vocabularies,
        tuple(squares[piece] for piece in pieces),
        tuple(scale * descent.weights[piece] for piece in pieces),
        scale * descent.bias,
    )
