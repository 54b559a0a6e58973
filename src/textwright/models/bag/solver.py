"""A deterministic solver for linear models on sparse rows: descent over small batches.

The outputs are  z = S * (X @ (R * V)) + bias  with S scaling every weighted row to length 1, for each output
apart; R (F, K) is the weight of every n-gram, naive-Bayes log-count ratios (Wang & Manning 2012, ACL
P12-2018). Descent is on V (F, K), but V is never formed: for W = R * V a step multiplies the gradient by
R * R, which is also all that S needs. Rows of length 1 make one step size fit all data sets; it falls
linearly to zero over the run, which ends where a weak penalty would.

Every class is told from the rest by a loss of its own: on many classes that was better than softmax (accuracy
and calibrated log loss), and it makes two classes, many classes and many labels one case. Targets are 0 or 1,
or how probable 1 is: a loss is then the expected one.

A batch is cut once, with its own n-grams as its columns: a step costs what its n-grams cost, whatever F is.

Shapes: N rows, F n-grams, K outputs, B rows of a batch, U n-grams of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator

Array = NDArray[np.float32]
Loss = Literal["logistic", "hinge", "squared"]

_MAX_BATCH, _MIN_BATCH, _BATCHES = 128, 8, 100
_BIAS_SHARE = 0.1


@dataclass(frozen=True)
class Batch:
    """Rows, the columns they use, their matrix on these columns (B, U) and its transpose."""

    rows: IntArray
    columns: IntArray
    x: csr_array
    transposed: csr_array


@dataclass(frozen=True)
class Epoch:
    """Where a run stands: the mean loss a row, the rate of its last step; `whole` unless it was stopped."""

    loss: float
    rate: float
    num_rows: int
    whole: bool


class Problem:
    """Rows x (N, F) cut into batches, targets (N, K), squared n-gram weights (F, K).

    `counts` (N,) is as how many each row counts, one where nothing is said.
    """

    def __init__(
        self, x: csr_array, targets: Array, squares: Array, seed: int, counts: Array | None = None
    ) -> None:
        self.targets, self.squares = targets, squares
        self.counts = np.ones(len(targets), np.float32) if counts is None else counts
        self.lengths = row_scale(x @ squares)
        self.batch_size = int(np.clip(len(targets) // _BATCHES, _MIN_BATCH, _MAX_BATCH))
        order = generator(seed, "bag", "batches").permutation(len(targets))
        self.batches = list(_cut(x, order, self.batch_size))


class Descent:
    """One run over a problem: weights W = R * V (F, K) and biases (K), read at any time."""

    def __init__(self, problem: Problem, loss: Loss, rate: float, num_epochs: int, seed: int) -> None:
        self.problem, self.num_epochs, self._seed = problem, num_epochs, seed
        self._slope, start = _LOSSES[loss]
        # A batch of fewer rows is noisier: its step shrinks with the root of its size.
        self._rate = rate * np.sqrt(problem.batch_size / _MAX_BATCH)
        self.weights: Array = np.zeros_like(problem.squares)
        # Whole rows as single items: NumPy scatters these several times faster than rows of numbers.
        self._items = _as_items(self.weights)
        self.bias: Array = start(problem.targets).astype(np.float32)

    def epochs(self, stop: Callable[[], bool]) -> Iterator[Epoch]:
        """Run, an `Epoch` after each; `stop` is asked before every step, and ends the run where it is."""
        batches, step = self.problem.batches, 0
        for epoch in range(self.num_epochs):
            total, seen, rate = 0.0, 0, self._rate
            for number in generator(self._seed, "bag", "epoch", epoch).permutation(len(batches)):
                if stop():
                    yield Epoch(total / max(seen, 1), float(rate), seen, False)
                    return
                rate = self._rate * (1 - step / (self.num_epochs * len(batches)))
                total += self._step(batches[number], np.float32(rate))
                seen, step = seen + len(batches[number].rows), step + 1
            yield Epoch(total / max(seen, 1), float(rate), seen, True)

    def _step(self, batch: Batch, rate: np.float32) -> float:
        lengths = self.problem.lengths[batch.rows]
        weights = self.weights.take(batch.columns, axis=0)
        z = lengths * (batch.x @ weights) + self.bias
        loss, slope = self._slope(z, self.problem.targets[batch.rows])
        slope *= self.problem.counts[batch.rows, None]
        gradient = self.problem.squares.take(batch.columns, axis=0) * (batch.transposed @ (lengths * slope))
        self._items[batch.columns] = _as_items(weights - rate * gradient)
        self.bias -= np.float32(_BIAS_SHARE) * rate * slope.mean(axis=0)
        return loss


def _as_items(rows: Array) -> NDArray[np.void]:
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]


def row_scale(squares: Array) -> Array:
    """One over the length of each row; rows without a known n-gram stay zero."""
    return np.where(squares > 1e-12, 1 / np.sqrt(np.maximum(squares, 1e-12)), 0).astype(np.float32)


def _cut(x: csr_array, order: IntArray, size: int) -> Iterator[Batch]:
    used = np.zeros(x.shape[1], dtype=bool)
    place = np.zeros(x.shape[1], dtype=np.int32)
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        part = x[rows]
        used[part.indices] = True
        columns = np.flatnonzero(used)
        used[columns] = False
        place[columns] = np.arange(len(columns), dtype=np.int32)
        own = csr_array((part.data, place[part.indices], part.indptr), shape=(len(rows), len(columns)))
        yield Batch(rows, columns, own, own.T.tocsr())


def _logistic(z: Array, targets: Array) -> tuple[float, Array]:
    half = np.float32(0.5)
    return float((np.logaddexp(0, z) - z * targets).sum()), half + half * np.tanh(half * z) - targets


def _hinge(z: Array, targets: Array) -> tuple[float, Array]:
    """Half the squared hinge loss, which asks for a margin of one and no more; of a share it is expected."""
    yes, no = np.maximum(1 - z, 0), np.maximum(1 + z, 0)
    other = 1 - targets
    return float((targets * yes * yes + other * no * no).sum()) / 2, other * no - targets * yes


def _squared(z: Array, targets: Array) -> tuple[float, Array]:
    gap = z - targets
    return float((gap * gap).sum()) / 2, gap


def _log_odds(targets: Array) -> Array:
    """Of the share of every output, kept off 0 and 1 by half a row."""
    shares = (targets.sum(axis=0) + np.float32(0.5)) / np.float32(len(targets) + 1)
    return np.log(shares / (1 - shares))


def _mean(targets: Array) -> Array:
    return targets.mean(axis=0)


def _mean_side(targets: Array) -> Array:
    return 2 * targets.mean(axis=0) - 1


_LOSSES: dict[Loss, tuple[Callable[[Array, Array], tuple[float, Array]], Callable[[Array], Array]]] = {
    "logistic": (_logistic, _log_odds),
    "hinge": (_hinge, _mean_side),
    "squared": (_squared, _mean),
}
