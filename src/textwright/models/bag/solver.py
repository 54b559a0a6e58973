"""A deterministic solver for regularised linear models on sparse rows: the same bits for any number of threads.

It minimises  strength * sum of losses + |V|^2 / 2  over V (F, K) and biases (K), with outputs
    z = S * (X @ (R * V)) + bias,   S scaling every weighted row to length 1 (for each output apart).
R (F, K) is the weight of every n-gram: naive-Bayes log-count ratios (Wang & Manning 2012, ACL P12-2018) or idf.

The best V is a combination of the rows (representer theorem), V = R * X'(S * A) with A (N, K), and so is every
step towards it. So limited-memory BFGS (Nocedal & Wright, algorithm 7.4) runs on A, with the inner product of
the space of V: F is often a hundred times N, one pass over X a step is all that is ever done in it, and a line
search costs none. Sums are NumPy's pairwise sums and the sparse products run over blocks that depend on the
data only, so no BLAS and no thread can change a bit.

Shapes: N rows, F n-grams, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textwright.models.bag.matrix import parallel

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
Link = Literal["softmax", "sigmoid", "identity"]

_BLOCKS = 8
_MEMORY = 8


@dataclass(frozen=True)
class _Vector:
    """A point or direction: coefficients of the rows a (N, K), the outputs they give za (N, K), biases (K)."""

    a: Wide
    za: Wide
    bias: Wide

    def dot(self, other: _Vector) -> float:
        return float((self.a * other.za).sum() + (self.bias * other.bias).sum())

    def plus(self, size: float, other: _Vector) -> _Vector:
        return _Vector(self.a + size * other.a, self.za + size * other.za, self.bias + size * other.bias)

    def times(self, size: float) -> _Vector:
        return _Vector(self.a * size, self.za * size, self.bias * size)


@dataclass(frozen=True)
class Solution:
    """Where a fit ended: n-gram weights V (F, K), biases (K), mean loss a row, steps taken, and the start for the next."""

    v: Array
    bias: Array
    loss: float
    num_steps: int
    end: _Vector
    strength: float


class LinearProblem:
    """Rows, targets (N, K) and n-gram weights (F, K), cut into blocks for parallel products."""

    def __init__(self, x: csr_array, targets: Array, scale: Array, link: Link, threads: int = 1) -> None:
        self.targets, self.threads = targets.astype(np.float64), threads
        self._loss, self._scale, self._squares = _LOSSES[link], scale, scale * scale
        self._rows, self._columns = _blocks(x), _blocks(x.T.tocsr())
        self._length = row_scale(self._times(self._squares))

    def minimise(
        self,
        strength: float,
        start: Solution | None = None,
        *,
        max_steps: int = 50,
        tolerance: float = 1e-2,
        stop: Callable[[], bool] = lambda: False,
    ) -> Solution:
        """Descend until the gradient has shrunk by `tolerance`; `stop` is asked before every step."""
        at = start.end.times(strength / start.strength) if start else _zeros(*self.targets.shape)
        pairs: list[tuple[_Vector, _Vector, float]] = []
        loss, slope = self._loss(at.za + at.bias, self.targets)
        gradient = self._gradient(at, slope, strength)
        first, steps = _norm(gradient), 0
        while steps < max_steps and _norm(gradient) > tolerance * first and not stop():
            direction = _direction(gradient, pairs)
            new, loss, slope = self._descend(at, loss, direction, gradient.dot(direction), strength)
            new_gradient = self._gradient(new, slope, strength)
            step, change = new.plus(-1, at), new_gradient.plus(-1, gradient)
            curvature = step.dot(change)
            steps += 1
            if not curvature > 1e-12:
                break
            pairs = [*pairs, (step, change, 1 / curvature)][-_MEMORY:]
            at, gradient = new, new_gradient
        v = self._scale * self._back(at.a)
        return Solution(v, at.bias.astype(np.float32), loss / len(self.targets), steps, at, strength)

    def _gradient(self, at: _Vector, slope: Wide, strength: float) -> _Vector:
        a = strength * slope + at.a
        return _Vector(a, self._length * self._times(self._squares * self._back(a)), strength * slope.sum(axis=0))

    def _descend(
        self, at: _Vector, loss: float, direction: _Vector, slope_along: float, strength: float
    ) -> tuple[_Vector, float, Wide]:
        """Try the full step, then the vertex of the parabola through what is known, until it descends enough."""
        base, cross, square = _square(at), float((at.a * direction.za).sum()), _square(direction)
        value, size = strength * loss + base / 2, 1.0
        while True:
            new_loss, slope = self._loss(at.za + at.bias - size * (direction.za + direction.bias), self.targets)
            new_value = strength * new_loss + (base - 2 * size * cross + size * size * square) / 2
            if new_value <= value - 1e-4 * size * slope_along or size < 1e-8:
                return at.plus(-size, direction), new_loss, slope
            vertex = slope_along * size * size / (2 * (new_value - value + slope_along * size))
            size = min(max(vertex, 0.1 * size), 0.5 * size)

    def _times(self, w: Array) -> Array:
        return np.concatenate(parallel(lambda block: block @ w, self._rows, self.threads))

    def _back(self, a: Wide) -> Array:
        scaled = (self._length * a).astype(np.float32)
        return np.concatenate(parallel(lambda block: block @ scaled, self._columns, self.threads))


def row_scale(squares: Array) -> Array:
    """One over the length of each row; rows without a known n-gram stay zero."""
    return np.where(squares > 1e-12, 1 / np.sqrt(np.maximum(squares, 1e-12)), 0).astype(np.float32)


def _zeros(rows: int, outputs: int) -> _Vector:
    return _Vector(np.zeros((rows, outputs)), np.zeros((rows, outputs)), np.zeros(outputs))


def _direction(gradient: _Vector, pairs: list[tuple[_Vector, _Vector, float]]) -> _Vector:
    """The gradient times an estimate of the inverse Hessian from the last steps."""
    if not pairs:
        return gradient.times(1 / max(_norm(gradient), 1e-30))
    vector, shares = gradient, []
    for step, change, inverse in reversed(pairs):
        shares.append(inverse * step.dot(vector))
        vector = vector.plus(-shares[-1], change)
    step, change, inverse = pairs[-1]
    vector = vector.times(1 / (inverse * change.dot(change)))
    for (step, change, inverse), share in zip(pairs, reversed(shares), strict=True):
        vector = vector.plus(share - inverse * change.dot(vector), step)
    return vector


def _softmax_loss(z: Wide, targets: Wide) -> tuple[float, Wide]:
    top = z.max(axis=1, keepdims=True)
    powers = np.exp(z - top)
    totals = powers.sum(axis=1, keepdims=True)
    loss = (np.log(totals) + top)[:, 0] - (z * targets).sum(axis=1)
    return float(loss.sum()), powers / totals - targets


def _sigmoid_loss(z: Wide, targets: Wide) -> tuple[float, Wide]:
    loss = np.logaddexp(0, z) - z * targets
    return float(loss.sum()), 0.5 * (1 + np.tanh(0.5 * z)) - targets


def _squared_loss(z: Wide, targets: Wide) -> tuple[float, Wide]:
    gap = z - targets
    return float((gap * gap).sum()) / 2, gap


_LOSSES: dict[str, Callable[[Wide, Wide], tuple[float, Wide]]] = {
    "softmax": _softmax_loss,
    "sigmoid": _sigmoid_loss,
    "identity": _squared_loss,
}


def _blocks(x: csr_array) -> list[Any]:
    """Cuts with about equal numbers of entries."""
    cuts = np.searchsorted(x.indptr, np.linspace(0, x.nnz, _BLOCKS + 1))
    cuts[0], cuts[-1] = 0, x.shape[0]
    return [x[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]


def _square(vector: _Vector) -> float:
    return float((vector.a * vector.za).sum())


def _norm(vector: _Vector) -> float:
    return float(np.sqrt(max(vector.dot(vector), 0)))
