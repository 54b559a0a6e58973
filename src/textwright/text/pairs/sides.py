"""Texts that read like those of the other side, by their words, where both sides have one script.

Each word has a weight: the logarithm of how much commoner it is among the targets than among the sources.
Nothing is known of languages, so that it works for any two that are written with blanks.

Shapes: N texts, U words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.text.duplicates import BoolArray, FloatArray

_WORD = re.compile(r"[^\W\d_]+")
_MIN_WORDS = 4
_HIGHEST = 4.0  # no word says more than this, either way
_MEAN, _TOTAL = 1.0, 8.0  # of a text the weights per word, and of all its words, that make it sure


def misplaced(sources: Sequence[str], targets: Sequence[str]) -> tuple[BoolArray, BoolArray]:
    """(N,) sources that read like targets, and (N,) targets that read like sources.

    >>> english = ["the dog is here today", "the cat is here now"] * 20
    >>> german = ["der Hund ist heute hier", "die Katze ist jetzt da"] * 20
    >>> wrong = ["the cat and the dog is here"]
    >>> [np.flatnonzero(side).tolist() for side in misplaced(english + wrong, german + wrong)]
    [[], [40]]
    """
    tokens, lengths = _words([*sources, *targets])
    ends = np.cumsum(lengths)
    middle = int(ends[len(sources) - 1]) if len(sources) else 0
    size = int(tokens.max(initial=0)) + 1
    ours, theirs = (np.bincount(part, minlength=size) for part in (tokens[:middle], tokens[middle:]))
    weights = _weights(ours, theirs)
    sums = np.diff(np.concatenate([[0.0], np.cumsum(weights[tokens])])[np.concatenate([[0], ends])])
    means = sums / np.maximum(lengths, 1)
    is_long = lengths >= _MIN_WORDS
    like_target = is_long & (means > _MEAN) & (sums > _TOTAL)
    like_source = is_long & (means < -_MEAN) & (sums < -_TOTAL)
    return like_target[: len(sources)], like_source[len(sources) :]


def _weights(ours: IntArray, theirs: IntArray) -> FloatArray:
    """Of each word (U,) the log of its rate among targets by its rate among sources."""
    rates = [np.log((counts + 1.0) / max(1, counts.sum())) for counts in (theirs, ours)]
    weights: FloatArray = np.clip(rates[0] - rates[1], -_HIGHEST, _HIGHEST)
    return np.where(ours + theirs < 3, 0.0, weights)  # of two uses nothing is learned


def _words(texts: Sequence[str]) -> tuple[NDArray[np.int64], IntArray]:
    """The words of all texts as numbers, one after the other, and how many each text has (N,)."""
    numbers: dict[str, int] = {}
    found = [[numbers.setdefault(w, len(numbers)) for w in _WORD.findall(text.lower())] for text in texts]
    lengths = np.array([len(words) for words in found], dtype=np.int64)
    return np.fromiter((n for words in found for n in words), np.int64, int(lengths.sum())), lengths
