"""What more than one check needs and is dear to come by."""

from __future__ import annotations

import numpy as np

from textwright.audit.subject import AuditData, FloatArray
from textwright.core.ragged import IntArray
from textwright.tasks.quick import out_of_fold
from textwright.text.duplicates import find_twins

MAX_LEARNED = 15_000  # rows that a fold learns from: more cost seconds and change few of the answers
FOLDS = 5


def labelled(data: AuditData) -> IntArray:
    """Positions of the rows with a text and exactly one label."""
    return np.array(
        [
            i
            for i, (text, own) in enumerate(zip(data.texts, data.labels, strict=True))
            if len(own) == 1 and text.strip()
        ],
        np.int64,
    )


def chances_out_of_fold(data: AuditData) -> tuple[IntArray, FloatArray]:
    """See `AuditData.out_of_fold`, which keeps what this finds."""
    rows = labelled(data)
    texts = [data.texts[i] for i in rows.tolist()]
    groups = find_twins(texts).group
    chances = out_of_fold(
        texts,
        data.label_ids[rows],
        data.label_names,
        groups,
        folds=FOLDS,
        seed=data.seed,
        most=MAX_LEARNED,
    )
    return rows, chances
