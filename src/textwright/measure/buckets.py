"""Rows in buckets by the length of their sources: whether long ones are answered as well as short ones.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.measure.base import Array, IntArray

# Fewer rows are not parted, and of a part with fewer there is not much to say.
MIN_ROWS_OF_BUCKETS, MIN_ROWS_TO_SAY = 8, 20
REPLICATES_OF_BUCKETS = 200


def length_buckets(lengths: Array) -> list[IntArray]:
    """Rows in at most four buckets by the quartiles of their lengths (N,); equal lengths stay together.

    >>> [rows.tolist() for rows in length_buckets(np.array([5, 1, 1, 1, 1, 2, 3, 9]))]
    [[1, 2, 3, 4], [5, 6], [0, 7]]
    """
    edges = np.unique(np.quantile(lengths, (0.25, 0.5, 0.75)))
    of_row = np.searchsorted(edges, lengths)
    return [np.flatnonzero(of_row == bucket) for bucket in np.unique(of_row)]


def bucket(lengths: IntArray, scores: Mapping[str, Score]) -> dict[str, Any]:
    """The record of rows of such lengths (N,)."""
    ends = {"from": int(lengths.min()), "to": int(lengths.max()), "n": len(lengths)}
    is_few = len(lengths) < MIN_ROWS_TO_SAY
    return {**ends, "few": is_few, **{name: score.to_json() for name, score in scores.items()}}
