"""All phrases of a screen as two small tables, for the plot that Gardner et al. 2021 (arXiv:2104.08646) draw.

Shapes: T phrases tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from textwright.audit.phrases import MIN_ROWS
from textwright.audit.screen import MIN_LIFT, Screened

LABELS = 4  # drawn: those with the most candidates
_WIDE, _TALL = 4, 50  # fields of the plot: to each doubling of the rows, and from a share of 0 to 1
_POINTS = 40

Tables = dict[str, list[dict[str, Any]]]


def drawn_screen(found: Screened, names: Sequence[str], first: Iterable[str] = ()) -> Tables:
    """`phrases`: how many were tested, and how many go with the label more than chance, by rows that hold
    them and the label's share among these. `significance`: the share from which on they do.

    Of the labels with the most candidates; those named in `first`, as often as they are, come before others.
    """
    counts, wanted = Counter(one.of for one in found.candidates), Counter(first)
    drawn = sorted(counts, key=lambda label: (-wanted[names[label]], -counts[label]))[:LABELS]
    return {
        "phrases": [row for label in drawn for row in _phrases(found, label, names[label])],
        "significance": [row for label in drawn for row in _significance(found, label, names[label])],
    }


def _phrases(found: Screened, label: int, name: str) -> list[dict[str, Any]]:
    """One row a field that holds a phrase, at its middle."""
    own = found.of == label
    wide = np.floor(_WIDE * np.log2(found.rows[own])).astype(np.int64)
    tall = np.minimum((_TALL * found.share[own]).astype(np.int64), _TALL - 1)
    fields, place = np.unique(wide * _TALL + tall, return_inverse=True)
    tested = np.bincount(place)
    sure = np.bincount(place, weights=found.is_sure[own]).astype(np.int64)
    return [
        {
            "label": name,
            "rows": round(2 ** ((field // _TALL + 0.5) / _WIDE), 1),
            "share": (field % _TALL + 0.5) / _TALL,
            "phrases": tested,
            "significant": significant,
        }
        for field, tested, significant in zip(fields.tolist(), tested.tolist(), sure.tolist(), strict=True)
    ]


def _significance(found: Screened, label: int, name: str) -> list[dict[str, Any]]:
    """The least share of the label that passes the test, and is an effect, for some numbers of rows."""
    from scipy.stats import binom

    most = int(found.rows[found.of == label].max())
    rows = np.unique(np.geomspace(MIN_ROWS, max(most, MIN_ROWS + 1), _POINTS).astype(np.int64))
    prior = float(found.priors[label])
    # Twice the upper tail, times the classes, is the p-value of the screen.
    hits = binom.isf(found.limit / (2 * len(found.priors)), rows, prior) + 1
    share = np.maximum(hits / rows, prior + MIN_LIFT)
    return [
        {"label": name, "rows": n, "share": round(least, 4), "prior": round(prior, 4)}
        for n, least in zip(rows.tolist(), share.tolist(), strict=True)
        if least <= 1
    ]
