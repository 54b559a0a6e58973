"""How good answers are when each row has a number, such as stars or a degree of sentiment.

Shapes: N rows, R replicates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import Array, FloatArray, finite, require_rows
from textwright.measure.bootstrap import GroupedSums, make_score, ratio

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_CHUNK = 100_000
_MAX_VALUES, _FIELDS = 11, 8


class GradedMeter:
    """Measures predicted numbers: `mse`, `mae`, `pearson`, `spearman` (ties take their mean rank).

    Intervals are 95 % percentile bootstrap over rows (`textwright.measure.bootstrap`). For `spearman` ranks
    are taken once, from all rows, and not again in every replicate. A correlation with something constant
    does not exist (NaN). Both numbers of a row are kept (16 bytes), since ranks need all rows.

    >>> meter = GradedMeter()
    >>> meter.update(np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 4.0]))
    >>> {name: round(score.value, 3) for name, score in meter.scores().items()}
    {'mse': 0.417, 'mae': 0.5, 'pearson': 0.945, 'spearman': 1.0}
    """

    def __init__(self) -> None:
        self.num_rows = 0
        self._truth: list[FloatArray] = []
        self._predictions: list[FloatArray] = []

    def update(self, truth: Array, outputs: Array, answers: Array | None = None) -> None:
        """Take in truth (N,) and predictions (N,); `answers` (N,) stand for the predictions where given.

        Raises DataError where one is NaN or infinite.
        """
        expected = finite(truth, "truth", self.num_rows)
        predicted = finite(outputs if answers is None else answers, "prediction", self.num_rows)
        if expected.shape != predicted.shape:
            raise ValueError(f"{expected.size} rows of truth but {predicted.size} predictions")
        self.num_rows += expected.size
        self._truth.append(expected.copy())
        self._predictions.append(predicted.copy())

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """All scores with their intervals, by name. Raises DataError when no row was seen."""
        truth, predictions = self._rows()
        sums = _sums(truth, predictions)
        total, drawn = sums.total(), sums.resampled(replicates, generator(seed, "measure", "graded"))
        value, samples = ratio(total, total[0]), ratio(drawn, drawn[:, :1])
        scores = {
            "mse": make_score(value[1], samples[:, 1], self.num_rows, "lower"),
            "mae": make_score(value[2], samples[:, 2], self.num_rows, "lower"),
        }
        for name, start in (("pearson", 3), ("spearman", 8)):
            moments = value[start : start + 5], samples[:, start : start + 5]
            point, sampled = (_correlation(part, moments[0]) for part in moments)
            scores[name] = make_score(float(point), sampled, self.num_rows)
        return scores

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """Quantiles of prediction minus truth by share of rows, the range of truth, how the two agree."""
        truth, predictions = self._rows()
        found = np.quantile(predictions - truth, _QUANTILES).tolist()
        return {
            "residual_quantiles": dict(zip(map(str, _QUANTILES), found, strict=True)),
            "range_of_truth": [float(truth.min()), float(truth.max())],
            "agreement": _agreement(truth, predictions),
        }

    def _rows(self) -> tuple[FloatArray, FloatArray]:
        require_rows(self.num_rows)
        return np.concatenate(self._truth), np.concatenate(self._predictions)


def _agreement(truth: FloatArray, predictions: FloatArray) -> dict[str, Any] | None:
    """Counts of truth (rows) and prediction (columns) in the same fields; None where truth is constant.

    A few different truths have a field each, around their `values`; of many, fields of equal width begin and
    end at round numbers. Predictions beyond an end count in the field that is last there.
    """
    distinct = np.unique(truth)
    if len(distinct) < 2:
        return None
    if len(distinct) <= _MAX_VALUES:
        values: list[float] | None = distinct.tolist()
        edges = np.concatenate([distinct[:1], (distinct[1:] + distinct[:-1]) / 2, distinct[-1:]])
    else:
        values, edges = None, _round_edges(distinct[0], distinct[-1])
    size = len(edges) - 1
    row, column = (np.searchsorted(edges[1:-1], x, "right") for x in (truth, predictions))
    counts = np.bincount(row * size + column, minlength=size * size).reshape(size, size)
    return {"values": values, "edges": edges.tolist(), "counts": counts.tolist()}


def _round_edges(low: float, high: float) -> FloatArray:
    """Multiples of a round number around two, about `_FIELDS` fields between them."""
    rough = (high - low) / _FIELDS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= 0.8 * rough)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    edges: FloatArray = np.round(step * np.arange(first, last + 1), 12)
    return edges


def _sums(truth: FloatArray, predictions: FloatArray) -> GroupedSums:
    """Squared error, absolute error, and five moments each of values and ranks, in chunks of rows."""
    ranks = _ranks(truth), _ranks(predictions)
    pairs = [(_centred(x), _centred(y)) for x, y in ((truth, predictions), ranks)]
    sums = GroupedSums(2 + 2 * 5)
    for start in range(0, truth.size, _CHUNK):
        rows = slice(start, start + _CHUNK)
        error = predictions[rows] - truth[rows]
        moments = [m for x, y in pairs for m in _moments(x[rows], y[rows])]
        sums.add(np.column_stack([error**2, np.abs(error), *moments]))
    return sums


def _centred(values: FloatArray) -> FloatArray:
    """Values minus their mean, so that moments lose no digits."""
    out: FloatArray = values - values.mean()
    return out


def _moments(x: FloatArray, y: FloatArray) -> list[FloatArray]:
    return [x, y, x * x, y * y, x * y]


def _correlation(moments: FloatArray, of_all: FloatArray) -> FloatArray:
    """Pearson's r (...) from mean moments (..., 5); NaN where one side is constant, up to rounding."""
    x, y, xx, yy, xy = np.moveaxis(moments, -1, 0)
    spread_x, spread_y = xx - x * x, yy - y * y
    varies = (spread_x > 1e-12 * of_all[2]) & (spread_y > 1e-12 * of_all[3])
    below = np.sqrt(np.where(varies, spread_x * spread_y, 0))
    return np.clip(ratio(xy - x * y, below, otherwise=np.nan), -1, 1)


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    out: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return out
