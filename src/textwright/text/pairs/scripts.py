"""Letters of each script in many texts, and which texts stand in the wrong script or on the wrong side.

What is right is learned from the rows: the script that most texts of a side are in, and the scripts that
turn up beside it.

Shapes: N texts, S scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.text.duplicates import BoolArray, FloatArray
from textwright.text.script import SCRIPTS, code_points, script_ids

HAN, KANA, LATIN = (SCRIPTS.index(name) for name in ("han", "kana", "latin"))
_MAX_CHUNK_CHARS = 1 << 20
_WEIGHTS = tuple({"han": 3.0, "kana": 2.0, "hangul": 2.0}.get(name, 1.0) for name in SCRIPTS)
_SURE = 0.8  # share of the texts of a side that one script must lead for others to be wrong
_KNOWN = 0.02  # a script that more texts of a side hold is nothing strange there
_STRANGE = 0.3  # share of a text in strange scripts that makes it wrong,
_LATIN = 0.9  # and in Latin letters, of which names and code are everywhere
_REST = 0.2  # share of its own script that a text on the wrong side may have


@dataclass(frozen=True)
class Side:
    """One side of all pairs: letters by script (N, S), weighed by how much they say; its script, if it has
    one that is sure, as a place in SCRIPTS."""

    letters: FloatArray
    script: int | None

    @classmethod
    def of(cls, texts: Sequence[str]) -> Side:
        letters = letters_by_script(texts) * np.array(_WEIGHTS)
        if (letters[:, KANA] > 0).mean() > 0.2:  # Japanese is in both
            letters[:, HAN] += letters[:, KANA]
            letters[:, KANA] = 0
        has_letters = letters.sum(axis=1) > 0
        leads = np.bincount(letters[has_letters].argmax(axis=1), minlength=len(SCRIPTS))
        script = int(leads.argmax())
        return cls(letters, script if leads[script] > _SURE * max(1, has_letters.sum()) else None)

    @property
    def shares(self) -> FloatArray:
        """(N, S), zeros where a text has no letters."""
        shares: FloatArray = self.letters / np.maximum(self.letters.sum(axis=1, keepdims=True), 1e-9)
        return shares

    def strays(self) -> BoolArray:
        """(N,) texts without a letter of the side's script, or largely in one that hardly any other has."""
        if self.script is None:
            return np.zeros(len(self.letters), np.bool_)
        strange = (self.letters > 0).mean(axis=0) < _KNOWN
        strange[self.script] = False
        shares, has_letters = self.shares, self.letters.any(axis=1)
        is_foreign = strange[LATIN] & (shares[:, LATIN] > _LATIN)
        strange[LATIN] = False
        is_foreign |= shares[:, strange].sum(axis=1) > _STRANGE
        stray: BoolArray = has_letters & ((self.letters[:, self.script] == 0) | is_foreign)
        return stray


def swapped(source: Side, target: Side) -> BoolArray:
    """(N,) pairs of which each side is in the script of the other."""
    if source.script is None or target.script is None or source.script == target.script:
        return np.zeros(len(source.letters), np.bool_)
    both = ((source.shares, source.script, target.script), (target.shares, target.script, source.script))
    first, second = ((s[:, own] < _REST) & (s[:, other] > 0.5) for s, own, other in both)
    found: BoolArray = first & second
    return found


def letters_by_script(texts: Sequence[str]) -> IntArray:
    """How many letters of each script each text has, (N, S).

    >>> dict(zip(SCRIPTS, letters_by_script(["我爱你 ok 7"])[0].tolist()))["han"]
    3
    """
    counts = np.zeros((len(texts), len(SCRIPTS) + 1), np.int64)
    table = _script_table()
    for low, high in _chunks([len(text) for text in texts]):
        part = texts[low:high]
        scripts = table[code_points("".join(part))]
        rows = np.repeat(np.arange(len(part)), [len(text) for text in part])
        flat = np.bincount(rows * counts.shape[1] + scripts, minlength=len(part) * counts.shape[1])
        counts[low:high] = flat.reshape(len(part), -1)
    return counts[:, : len(SCRIPTS)]


def _chunks(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    chunk = np.cumsum(lengths, dtype=np.int64) // _MAX_CHUNK_CHARS
    edges = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(lengths)]
    return ((low, high) for low, high in pairwise(edges) if low < high)


@cache
def _script_table() -> NDArray[np.uint8]:
    """The script of every code point that is a letter; len(SCRIPTS) of all others."""
    codes = np.arange(0x110000, dtype=np.uint32)
    scripts = script_ids(codes).astype(np.uint8)
    is_letter = np.fromiter((chr(code).isalpha() for code in range(0x110000)), np.bool_, 0x110000)
    is_letter |= scripts == HAN
    return np.where(is_letter, scripts, np.uint8(len(SCRIPTS)))
