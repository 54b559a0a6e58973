"""What patches of the data mean for a training beside changed texts: added rows, and rows that count more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.text.corpus import Corpus
from textwright.text.split import Split


def measured_on_real_rows(corpus: Corpus, split: Split) -> Split:
    """Added rows are learned from only, and only where the row they were made of is learned from as well.

    Nothing is chosen or tested on a text that nobody wrote, and no copy of a held-out text is learned.
    """
    if corpus.added is None:
        return split
    added = corpus.added
    validation, test = (part[~added[part]] for part in (split.validation, split.test))
    held_out = corpus.rows[np.concatenate([validation, test])]
    is_leak = added & np.isin(corpus.rows, held_out)
    for row in corpus.rows[is_leak]:
        corpus.log.dropped("added to a row that is held out", int(row))
    moved = np.flatnonzero(added & ~np.isin(np.arange(len(corpus)), split.train) & ~is_leak)
    train = np.sort(np.concatenate([split.train[~is_leak[split.train]], moved]))
    return replace(split, train=train, validation=validation, test=test)


def weighted(corpus: Corpus, train: IntArray, seed: int) -> IntArray:
    """The rows to train on, drawn so that each comes as often as its weight says on average.

    Training knows no weights of single rows: one of 2.3 comes twice, and with a chance of 0.3 once more.
    """
    if corpus.weights is None:
        return train
    weights = corpus.weights[train]
    extra = generator(seed, "patches", "weights").random(len(train)) < weights % 1
    found = np.repeat(train, (weights // 1).astype(np.int64) + extra)
    return found if len(found) else train
