"""What answers would be with other offsets, and the offsets with which a score is highest.

Shapes: N rows, C labels, G candidates for the offset of a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from textwright.measure.base import BoolArray, FloatArray, IntArray
from textwright.measure.tally import Tally
from textwright.tasks.metrics import of_tally

# Candidates around where a label starts, in log-odds; of odd number, so that "not moved" is one.
GRID: FloatArray = np.linspace(-3, 3, 25)
SHARES_OF_PRIOR = (0.25, 0.5, 0.75, 1.0)
# A label with fewer rows is not moved by itself: its score would follow two or three of them.
MIN_ROWS_PER_LABEL = 5
_SWEEPS, _LEAST_GAIN = 3, 1e-9
# Of offsets that are equally good, up to rounding, the one that moves the label least is taken.
_SAME = 1e-12


class Field(Protocol):
    """Rows with what speaks for each of their labels (N, C), and their truth."""

    support: FloatArray
    metric: str

    def rows(self, places: IntArray) -> Self: ...

    def per_label(self) -> IntArray:
        """Rows (C,) whose truth has the label."""
        ...

    def prior(self) -> FloatArray:
        """How much more common than others each label is (C,): log-probabilities or log-odds."""
        ...

    def has(self, label: int) -> BoolArray:
        """(N,) whether the truth has the label."""
        ...

    def answers(self, offsets: FloatArray) -> IntArray:
        """Class ids (N,) or label sets (N, C)."""
        ...

    def counts(self, answers: IntArray, groups: IntArray, num_groups: int) -> Tally:
        """Counts (U, C) of each of U groups of rows; `groups` (N,) are their numbers."""
        ...

    def critical(self, offsets: FloatArray, label: int) -> FloatArray:
        """(N,) what the offset of the label must exceed for the row to be answered with it."""
        ...

    def values(self, offsets: FloatArray, label: int, candidates: FloatArray) -> FloatArray:
        """The metric (G,) with each of the candidates, from low to high, as the offset of the label."""
        ...

    def ascended(self, start: FloatArray, movable: IntArray) -> FloatArray:
        """Offsets (C,) with a metric that moving one of the labels `movable` alone does not raise."""
        ...


def value_of(field: Field, answers: IntArray) -> float:
    """The metric of all rows with these answers."""
    one_group = np.zeros(len(answers), np.int64)
    return float(of_tally(field.metric, field.counts(answers, one_group, 1))[0])


@dataclass
class OneLabel:
    """Rows that have one label each: that with the highest sum of support (N, C) and offset is the answer.

    `truth` (N,) are class ids.
    """

    support: FloatArray
    truth: IntArray
    metric: str

    @cached_property
    def _columns(self) -> FloatArray:
        """The support (C, N), as labels are visited one after the other."""
        return np.ascontiguousarray(self.support.T)

    def rows(self, places: IntArray) -> Self:
        return type(self)(self.support[places], self.truth[places], self.metric)

    def per_label(self) -> IntArray:
        return np.bincount(self.truth, minlength=self.support.shape[1])

    def prior(self) -> FloatArray:
        return _log(_pooled(self.per_label()))

    def has(self, label: int) -> BoolArray:
        out: BoolArray = self.truth == label
        return out

    def answers(self, offsets: FloatArray) -> IntArray:
        out: IntArray = (self.support + offsets).argmax(axis=1)
        return out

    def counts(self, answers: IntArray, groups: IntArray, num_groups: int) -> Tally:
        size = num_groups * self.support.shape[1]
        right = answers == self.truth
        ids = ((groups, self.truth, right), (groups, self.truth, None), (groups, answers, None))
        tables = [
            np.bincount(group * self.support.shape[1] + label, weights=weights, minlength=size)
            for group, label, weights in ids
        ]
        return Tally(*(table.reshape(num_groups, -1).astype(np.float64) for table in tables))

    def critical(self, offsets: FloatArray, label: int) -> FloatArray:
        rivals = self.support + offsets
        rivals[:, label] = -np.inf
        out: FloatArray = rivals.max(axis=1) - self.support[:, label]
        return out

    def values(self, offsets: FloatArray, label: int, candidates: FloatArray) -> FloatArray:
        leaders = _Leaders(self.support + offsets)
        return self._values(leaders, label, candidates)

    def _values(self, leaders: _Leaders, label: int, candidates: FloatArray) -> FloatArray:
        rivals, level = leaders.without(label)
        own, num_labels, size = rivals == self.truth, self.support.shape[1], len(candidates)
        # From which candidate on each row is answered with the label; of the rows that this takes from
        # others, how many were theirs and right.
        critical = level - self._columns[label]
        taken = np.flatnonzero(critical < candidates[-1])
        place, from_whom = np.searchsorted(candidates, critical[taken], side="right"), rivals[taken]
        cells, shape = place * num_labels + from_whom, (size, num_labels)
        lost = np.bincount(cells, minlength=size * num_labels).reshape(shape).cumsum(axis=0)
        lost_hits = np.bincount(cells[own[taken]], minlength=size * num_labels).reshape(shape).cumsum(axis=0)
        predicted = (np.bincount(rivals, minlength=num_labels) - lost).astype(np.float64)
        hits = (np.bincount(rivals[own], minlength=num_labels) - lost_hits).astype(np.float64)
        predicted[:, label] = np.bincount(place, minlength=size).cumsum()
        hits[:, label] = np.bincount(place[self.truth[taken] == label], minlength=size).cumsum()
        truth = np.broadcast_to(self.per_label().astype(np.float64), shape)
        return of_tally(self.metric, Tally(hits, truth, predicted))

    def ascended(self, start: FloatArray, movable: IntArray) -> FloatArray:
        """Coordinate ascent over the labels, each over a grid around its start; a sweep takes O(N C)."""
        offsets, leaders = start.copy(), _Leaders(self.support + start)
        best = value_of(self, leaders.first)
        # Of two labels only the difference counts.
        movable = movable[-1:] if len(start) == 2 else movable
        for _ in range(_SWEEPS):
            before = best
            for label in movable:
                values = self._values(leaders, label, start[label] + GRID)
                place = _best(values[:, None])[0]
                if values[place] > best + _LEAST_GAIN:
                    best = float(values[place])
                    leaders.move(label, start[label] + GRID[place] - offsets[label])
                    offsets[label] = start[label] + GRID[place]
            if best <= before + _LEAST_GAIN:
                break
        return offsets


class _Leaders:
    """The two labels with the highest sums (N, C) of each row, kept up to date while offsets change."""

    def __init__(self, sums: FloatArray) -> None:
        self._sums = sums
        self.first, self._top, self._second, self._next = _two_highest(sums)

    def without(self, label: int) -> tuple[IntArray, FloatArray]:
        """What would be answered (N,) if it were not for the label, and the sum (N,) of that."""
        is_first = self.first == label
        return np.where(is_first, self._second, self.first), np.where(is_first, self._next, self._top)

    def move(self, label: int, by: float) -> None:
        self._sums[:, label] += by
        was_one = (self.first == label) | (self._second == label)
        rows = np.flatnonzero(was_one | (self._sums[:, label] >= self._next))
        found = _two_highest(self._sums[rows])
        for kept, new in zip((self.first, self._top, self._second, self._next), found, strict=True):
            kept[rows] = new


def _two_highest(sums: FloatArray) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
    places, rest = np.arange(len(sums)), sums.copy()
    first = sums.argmax(axis=1)
    rest[places, first] = -np.inf
    second = rest.argmax(axis=1)
    return first, sums[places, first], second, rest[places, second]


@dataclass
class LabelSets:
    """Rows that have any number of labels: those whose log-odds (N, C) and offset are together 0 or more.

    `truth` (N, C) holds 0 and 1. Labels do not compete, so that the best offsets are found exactly.
    """

    support: FloatArray
    truth: NDArray[np.uint8]
    metric: str

    def rows(self, places: IntArray) -> Self:
        return type(self)(self.support[places], self.truth[places], self.metric)

    def per_label(self) -> IntArray:
        out: IntArray = self.truth.sum(axis=0, dtype=np.int64)
        return out

    def prior(self) -> FloatArray:
        shares = _pooled(self.per_label(), len(self.truth))
        return _log(shares) - _log(1 - shares)

    def has(self, label: int) -> BoolArray:
        return self.truth[:, label] > 0

    def answers(self, offsets: FloatArray) -> IntArray:
        answers: IntArray = (self.support >= -offsets).view(np.uint8)
        return answers

    def counts(self, answers: IntArray, groups: IntArray, num_groups: int) -> Tally:
        parts = (answers & self.truth, self.truth, answers)
        if num_groups == 1:
            return Tally(*(part.sum(axis=0, dtype=np.float64)[None] for part in parts))
        order = np.argsort(groups, kind="stable")
        found, starts = np.unique(groups[order], return_index=True)
        tables = np.zeros((3, num_groups, self.support.shape[1]))
        for place, bits in enumerate(parts):
            tables[place, found] = np.add.reduceat(bits[order], starts, axis=0, dtype=np.float64)
        return Tally(*tables)

    def critical(self, offsets: FloatArray, label: int) -> FloatArray:
        return -self.support[:, label]

    def values(self, offsets: FloatArray, label: int, candidates: FloatArray) -> FloatArray:
        tally = self.counts(self.answers(offsets), np.zeros(len(self.truth), np.int64), 1)
        hits, predicted = (np.tile(part, (len(candidates), 1)) for part in (tally.hits, tally.predicted))
        own = self._by_candidate(candidates[:, None], np.array([label]))
        hits[:, label], predicted[:, label] = own.hits[:, 0], own.predicted[:, 0]
        return of_tally(self.metric, Tally(hits, np.broadcast_to(tally.truth, hits.shape), predicted))

    def _by_candidate(self, candidates: FloatArray, labels: IntArray) -> Tally:
        """Counts (G, L) of the labels (L,), for candidates (G, L) that rise."""
        size, parts = len(candidates), []
        for column, label in enumerate(labels):
            # The first candidate with which each row is answered with the label.
            place = np.searchsorted(candidates[:, column], -self.support[:, label], side="left")
            tables = (place[self.truth[:, label] > 0], place)
            parts.append([np.bincount(table, minlength=size + 1)[:size].cumsum() for table in tables])
        hits, predicted = np.array(parts, np.float64).reshape(-1, 2, size).transpose(1, 2, 0)
        return Tally(hits, np.broadcast_to(self.per_label()[labels], hits.shape), predicted)

    def ascended(self, start: FloatArray, movable: IntArray) -> FloatArray:
        """The best offset on the grid of each label; for micro F1 by Dinkelbach's method (1967).

        Micro F1 is 2 hits / (answers + truth): it is F at most just where the sum over labels of 2 hits - F
        answers, of which each has its own best offset, is F truth at most.
        """
        if not len(movable):
            return start
        tally = self._by_candidate(start[movable] + GRID[:, None], movable)
        if self.metric != "micro_f1":
            return _put(start, movable, start[movable] + GRID[_best(tally.f1())])
        whole = self.counts(self.answers(start), np.zeros(len(self.truth), np.int64), 1)
        middle, labels = np.full(len(movable), len(GRID) // 2), np.arange(len(movable))
        rest = whole.hits.sum() - tally.hits[middle, labels].sum()
        others = (whole.truth + whole.predicted).sum() - tally.predicted[middle, labels].sum()
        places, best = middle, float(whole.micro().f1()[0, 0])
        while True:
            moved = _best(2 * tally.hits - best * tally.predicted)
            hits, predicted = tally.hits[moved, labels].sum(), tally.predicted[moved, labels].sum()
            value = float(2 * (rest + hits) / max(others + predicted, 1))
            if value <= best + _LEAST_GAIN:
                return _put(start, movable, start[movable] + GRID[places])
            best, places = value, moved


def _put(offsets: FloatArray, labels: IntArray, values: FloatArray) -> FloatArray:
    out = offsets.copy()
    out[labels] = values
    return out


def _best(values: FloatArray) -> IntArray:
    """The places (L,) of the highest values (G, L) on the grid; of equals the nearest to its middle."""
    near = values >= values.max(axis=0) - _SAME
    out: IntArray = np.where(near, np.abs(GRID)[:, None], np.inf).argmin(axis=0)
    return out


def _pooled(per_label: IntArray, num_rows: int | None = None) -> FloatArray:
    """Shares (C,) of the labels, those of rare labels pooled: two or three rows say little of each."""
    total = per_label.sum() if num_rows is None else num_rows
    shares = (per_label + 0.5) / (total + 1)
    rare = per_label < MIN_ROWS_PER_LABEL
    if rare.any():
        shares[rare] = shares[rare].mean()
    return shares


def _log(shares: FloatArray) -> FloatArray:
    out: FloatArray = np.log(shares)
    return out


def starts(field: Field) -> list[FloatArray]:
    """Offsets (C,) that take back what a label gains from being common: by a quarter, by half, wholly."""
    prior = field.prior()
    return [-share * prior for share in SHARES_OF_PRIOR]
