"""Many tests at once, each exact: what an audit may call a finding.

A finding needs significance after Benjamini and Hochberg (1995) inside its family and an effect of some size.
Raw tests over many groups find something in pure noise; a gap without a test does so even more often.

Shapes: T tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from textwright.core.records import Score
from textwright.measure.base import FloatArray
from textwright.measure.bootstrap import wilson

FALSE_DISCOVERIES = 0.05
_LEAST_EXPECTED = 5.0


def discovery_rates(p_values: ArrayLike) -> FloatArray:
    """p-values (T,) after Benjamini and Hochberg (1995): calling all with q below 0.05 findings, at most 5 %
    of these are none, on average.

    >>> discovery_rates([0.01, 0.02, 0.5]).round(3).tolist(), discovery_rates([]).tolist()
    ([0.03, 0.03, 0.5], [])
    """
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, np.float64)
    return false_discovery_control(p) if p.size else p


def binomial_p(hits: ArrayLike, rows: ArrayLike, share: ArrayLike) -> FloatArray:
    """Two-sided exact p-values (T,) of `hits` among `rows` where a `share` of them was expected.

    Twice the smaller tail, at most 1 (Clopper-Pearson's test).

    >>> binomial_p([9, 5], [10, 10], 0.5).round(4).tolist()
    [0.0215, 1.0]
    """
    from scipy.stats import binom

    hits, rows = np.asarray(hits), np.asarray(rows)
    tails = np.minimum(binom.cdf(hits, rows, share), binom.sf(hits - 1, rows, share))
    return np.minimum(1.0, 2 * np.asarray(tails, np.float64))


def shares_p(hits: int, rows: int, other_hits: int, other_rows: int) -> tuple[float, str]:
    """The p-value of two equal shares, and the test: Fisher's where a cell expects fewer than 5, else G.

    >>> shares_p(1, 6, 5, 6)[1], round(shares_p(50, 100, 80, 100)[0], 6)
    ('Fisher', 7e-06)
    """
    from scipy.stats import chi2_contingency, fisher_exact

    table = np.array([[hits, rows - hits], [other_hits, other_rows - other_hits]])
    total = table.sum()
    if not total or not table.sum(axis=0).all() or not table.sum(axis=1).all():
        return 1.0, "none"
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    if expected.min() < _LEAST_EXPECTED:
        return float(fisher_exact(table).pvalue), "Fisher"
    return float(chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue), "G"


def shares_apart(hits: int, rows: int, other_hits: int, other_rows: int) -> Score:
    """The difference of two shares with its 95 % interval (Newcombe 1998, of Wilson's intervals).

    >>> print(shares_apart(80, 100, 50, 100))
    0.3000 [0.1691, 0.4170]
    """
    a, b = hits / rows, other_hits / other_rows
    (low_a, high_a), (low_b, high_b) = wilson(hits, rows), wilson(other_hits, other_rows)
    below = ((a - low_a) ** 2 + (high_b - b) ** 2) ** 0.5
    above = ((high_a - a) ** 2 + (b - low_b) ** 2) ** 0.5
    return Score(a - b, a - b - below, a - b + above, rows + other_rows)


def rows_needed(share: float, other: float, *, power: float = 0.8, level: float = FALSE_DISCOVERIES) -> int:
    """Rows of each of two equal groups by which a test at `level` sees two shares apart with this `power`.

    By the normal approximation (Fleiss 1981).

    >>> rows_needed(0.65, 0.8)
    136
    """
    from scipy.special import ndtri

    if share == other:
        raise ValueError("the shares are equal: no number of rows shows a difference")
    z = float(ndtri(1 - level / 2) + ndtri(power))
    spread = share * (1 - share) + other * (1 - other)
    return int(np.ceil(z * z * spread / (share - other) ** 2))


def found(q_values: Sequence[float], effects: Sequence[float], floor: float) -> list[int]:
    """Places of the tests that are findings: significant and at least `floor` large.

    >>> found([0.01, 0.01, 0.2], [0.3, 0.01, 0.4], 0.05)
    [0]
    """
    pairs = zip(q_values, effects, strict=True)
    return [i for i, (q, effect) in enumerate(pairs) if q < FALSE_DISCOVERIES and abs(effect) >= floor]
