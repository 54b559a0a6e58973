"""Is B better than A, on the same rows: said only after a test.

Shapes: N rows, R replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from textwright.core.seeds import generator
from textwright.measure.base import BoolArray, FloatArray, finite, require_rows
from textwright.measure.bootstrap import GroupedSums, make_score

_CHUNK_CELLS = 4_000_000


def mcnemar(correct_a: BoolArray, correct_b: BoolArray) -> dict[str, Any]:
    """McNemar's test (1947), exact: did A or B get more of the rows that only one got right.

    It is what Dietterich (1998) advises for two classifiers and one test set. Takes (N,) booleans, one a
    row. Returns `only_a` and `only_b`, the rows that only one of them got right, and the two-sided
    `p_value` of that split if both were equally good (binomial with 1/2).

    >>> found = mcnemar(np.array([1, 1, 0, 0, 0, 0, 0], bool), np.array([1, 0, 1, 1, 1, 1, 1], bool))
    >>> found["only_a"], found["only_b"], round(found["p_value"], 5)
    (1, 5, 0.21875)
    """
    from scipy.special import bdtr

    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    if a.shape != b.shape:
        raise ValueError(f"{a.size} rows of A but {b.size} of B: the rows must be the same")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    p_value = min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))
    return {"only_a": only_a, "only_b": only_b, "p_value": p_value}


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, corrected so that any false alarm among them is as rare as one p says.

    By Holm (1979), in the order given: the smallest is multiplied by the number of tests, the next by one
    less, and none falls below one that was smaller.

    >>> holm([0.02, 0.01, 0.5])
    [0.04, 0.03, 0.5]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min((len(p_values) - rank) * p_values[place], 1.0))
        corrected[place] = highest
    return corrected


def paired_bootstrap(
    values_a: ArrayLike, values_b: ArrayLike, *, seed: int = 0, replicates: int = 10_000
) -> dict[str, Any]:
    """The difference of two means over the same rows, such as correctness or squared error.

    Takes (N,) numbers, one a row. Returns `difference`, the score (as JSON) of mean(b) - mean(a) with its
    95 % percentile bootstrap interval over rows (Efron 1979), and `p_value`, two-sided, of the paired
    randomisation test: how often a difference as large comes about when A and B swap their places row by
    row at random (Noreen 1989; Yeh, COLING 2000). It holds for few rows, too: one row never shows a
    difference. More than 2,048 rows are resampled and swapped in 2,048 random groups. Raises DataError for
    NaN and for no rows.

    >>> found = paired_bootstrap([0, 0, 1, 0, 0, 1, 0, 0], [1, 1, 1, 1, 0, 1, 1, 1])
    >>> found["difference"]["value"], found["p_value"] < 0.1
    (0.625, True)
    """
    a, b = finite(values_a, "value of A"), finite(values_b, "value of B")
    if a.shape != b.shape:
        raise ValueError(f"{a.size} rows of A but {b.size} of B: the rows must be the same")
    require_rows(a.size)
    sums = GroupedSums(1)
    sums.add((b - a)[:, None])
    drawn = sums.resampled(replicates, generator(seed, "measure", "paired"))
    difference = make_score(float(np.mean(b - a)), drawn[:, 1] / drawn[:, 0], a.size)
    p_value = _swap_test(sums.groups()[:, 1], replicates, generator(seed, "measure", "swap"))
    return {"difference": difference.to_json(), "p_value": p_value}


def _swap_test(differences: FloatArray, replicates: int, rng: np.random.Generator) -> float:
    """How often the sum with random signs is as far from 0 as the sum itself, which counts as one draw."""
    observed = abs(float(differences.sum()))
    # Equal sums must count, whatever their rounding.
    limit = observed - 1e-9 * float(np.abs(differences).sum())
    step, extreme = max(_CHUNK_CELLS // differences.size, 1), 0
    for start in range(0, replicates, step):
        size = (min(step, replicates - start), differences.size)
        signs = rng.integers(2, size=size, dtype=np.int8) * 2.0 - 1.0
        extreme += int((np.abs(signs @ differences) >= limit).sum())
    return (extreme + 1) / (replicates + 1)
