"""Texts to code points in one array, the form in which whole-array code reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textwright.core.ragged import Ragged

_SEPARATOR = "\0"


def code_points(texts: Sequence[str]) -> Ragged:
    """Lower-cased code points (uint32) of all texts.

    >>> code_points(["Ab", "好"]).values.tolist()
    [97, 98, 22909]
    """
    joined = _SEPARATOR.join(texts)
    if joined.count(_SEPARATOR) != max(len(texts) - 1, 0):
        joined = _SEPARATOR.join(text.replace(_SEPARATOR, " ") for text in texts)
    codes = np.frombuffer(joined.lower().encode("utf-32-le", "surrogatepass"), dtype="<u4")
    ends = np.flatnonzero(codes == 0)
    if not texts:
        return Ragged(codes, np.zeros(1, dtype=np.int64))
    starts = np.concatenate([[0], ends - np.arange(len(ends)), [len(codes) - len(ends)]])
    return Ragged(codes[codes != 0] if len(ends) else codes, starts.astype(np.int64))
