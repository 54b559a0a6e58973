"""Which rows the fits of a learning curve learn from: a few sizes, and at each of them several draws of rows.

Shapes: N rows to learn from, K sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textwright.core.errors import ConfigError, DataError
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator

# The smallest size is this share of the rows, with so many rows a label and so many in all.
_SMALLEST_SHARE, _ROWS_A_LABEL, _FEWEST = 1 / 16, 5, 20
_FEWEST_SIZES, _MOST_SIZES, _MOST_ASKED = 4, 6, 12
# Two sizes nearer than that say the same.
_STEP = 1.25
# Draws at each size, the largest first: all rows can be drawn in one way only, and small draws are cheap.
_DRAWS = (1, 3, 4, 6, 8, 10)
# Fewer rows to choose on than this decide by luck.
_FEWEST_TO_CHOOSE = 50


@dataclass(frozen=True)
class Draw:
    """One fit of the curve: `rows` of the N, drawn for the `number`-th time of `of`."""

    rows: int
    number: int
    of: int


def choose_sizes(num_rows: int, num_labels: int, asked: Sequence[int] = ()) -> list[int]:
    """The sizes of a curve, ascending, all rows the last: those asked for, or 4 to 6 at equal ratios.

    Without `asked` the smallest is a sixteenth of the rows, but has five rows a label and twenty in all. Of
    what was asked, sizes above `num_rows` mean all rows. `num_labels` is 0 for graded scores. Raises
    ConfigError for sizes that make no curve, DataError for too few rows.

    >>> choose_sizes(6400, 13), choose_sizes(200, 2), choose_sizes(200, 2, [50, 100])
    ([400, 800, 1600, 3200, 6400], [20, 43, 93, 200], [50, 100, 200])
    """
    if asked:
        return _asked(num_rows, asked)
    smallest = max(round(_SMALLEST_SHARE * num_rows), _ROWS_A_LABEL * num_labels, _FEWEST)
    smallest = max(min(smallest, num_rows // 4), _FEWEST)
    if smallest * _STEP ** (_FEWEST_SIZES - 1) > num_rows:
        needed = int(np.ceil(_FEWEST * _STEP ** (_FEWEST_SIZES - 1)))
        raise DataError(
            f"{num_rows:,} rows to learn from are too few for a curve (at least {needed})",
            hint="Add labelled rows, or leave more of them to learn from with --test-share 0.",
        )
    count = int(np.clip(round(np.log2(num_rows / smallest)) + 1, _FEWEST_SIZES, _MOST_SIZES))
    return [round(size) for size in np.geomspace(smallest, num_rows, count)]


def _asked(num_rows: int, asked: Sequence[int]) -> list[int]:
    hint = "Give three or more, as in --sizes 500,1000,2000; all rows are added as the last."
    if wrong := [size for size in asked if size < _FEWEST]:
        raise ConfigError(f"--sizes {wrong[0]}: a size is at least {_FEWEST} rows", hint=hint)
    sizes = sorted({min(size, num_rows) for size in asked} | {num_rows})
    if len(sizes) > _MOST_ASKED:
        raise ConfigError(f"--sizes: {len(sizes)} are too many (at most {_MOST_ASKED})", hint=hint)
    if len(sizes) < _FEWEST_SIZES - 1:
        raise ConfigError(
            f"--sizes: with {num_rows:,} rows to learn from that makes {len(sizes)} sizes, "
            "too few for a curve",
            hint=hint,
        )
    return sizes


def draws_of(sizes: Sequence[int]) -> list[Draw]:
    """All fits in the order in which they are made: each size once, the small ones first, then once more.

    >>> [(draw.rows, draw.number) for draw in draws_of([10, 20, 40])][:5]
    [(10, 1), (20, 1), (40, 1), (10, 2), (20, 2)]
    """
    counts = [_DRAWS[min(place, len(_DRAWS) - 1)] for place in range(len(sizes) - 1, -1, -1)]
    return [
        Draw(size, number, count)
        for number in range(1, max(counts) + 1)
        for size, count in zip(sizes, counts, strict=True)
        if number <= count
    ]


def nested_order(strata: IntArray, seed: int, *names: str | int) -> IntArray:
    """An order (N,) of rows of which every beginning has each stratum (N,) in its share, as near as can be.

    So a smaller draw is a part of the larger ones of the same names, and no label is left to luck.

    >>> order = nested_order(np.array([0] * 12 + [1] * 4), 0, "curve", 1)
    >>> [int((order[:size] >= 12).sum()) for size in (4, 8, 16)]
    [1, 2, 4]
    """
    rng = generator(seed, *names)
    place = np.empty(len(strata))
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    # Rows at the same place, as those of strata of equal size may be, come in a random order.
    order: IntArray = np.lexsort((rng.random(len(strata)), place))
    return order


@dataclass(frozen=True)
class Subsets:
    """Draws from the rows to learn from (N,), and how many rows go with each to choose settings on (V,)."""

    train: IntArray
    validation: IntArray
    strata: IntArray
    validation_strata: IntArray
    seed: int

    def rows(self, draw: Draw) -> IntArray:
        """The rows of a draw, ascending; draws of the same number are parts of each other."""
        order = nested_order(self.strata, self.seed, "curve", draw.number)
        return np.sort(self.train[order[: draw.rows]])

    def to_choose_on(self, draw: Draw) -> IntArray:
        """What a fit may choose its settings and its length on: the share that it has with all rows.

        A person with few rows has few to choose on as well; all draws are then judged on the whole (V,).
        """
        share = len(self.validation) * draw.rows / len(self.train)
        count = min(max(round(share), _FEWEST_TO_CHOOSE), len(self.validation))
        order = nested_order(self.validation_strata, self.seed, "curve", "validation")
        return np.sort(self.validation[order[:count]])
