"""Which scripts a corpus is written in: shares of letters, and the pattern for Han characters and kana."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

# Ranges of the Unicode blocks that hold letters of a script, both ends included. Planes 2 and 3 are set aside
# for Han as a whole, so that extensions newer than this table count too.
_RANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "latin": (
        (0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0x2AF), (0x1D00, 0x1D7F),
        (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA722, 0xA7FF), (0xAB30, 0xAB6F), (0xFB00, 0xFB06),
        (0xFF21, 0xFF3A), (0xFF41, 0xFF5A),
    ),
    "han": (
        (0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFD), (0x30000, 0x3FFFD),
    ),
    "kana": (
        (0x3031, 0x3035), (0x3041, 0x3096), (0x3099, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF),
        (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B167),
    ),
    "hangul": (
        (0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB),
        (0xFFA0, 0xFFDC),
    ),
    "cyrillic": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    "arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0x870, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
    "devanagari": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "thai": ((0xE00, 0xE7F),),
}  # fmt: skip

SCRIPTS = (*_RANGES, "other")


def _character_class(*scripts: str) -> str:
    # The characters themselves, not escapes: Python's re and the Oniguruma engine of `tokenizers` read them.
    return "".join(f"{chr(low)}-{chr(high)}" for script in scripts for low, high in _RANGES[script])


CJK_PATTERN: str = _character_class("han", "kana")
"""The inside of a character class, `[...]`, for Han characters of all planes and kana (no punctuation)."""


def script_shares(texts: Iterable[str], max_chars: int = 1_000_000) -> dict[str, float]:
    """Measure the share of letters per script in the first `max_chars` characters.

    Digits, punctuation, emoji and combining marks are not letters. Returns all of `SCRIPTS`, summing to 1,
    or {} when there are no letters.

    >>> shares = script_shares(["我爱你 ok"])
    >>> shares["han"], shares["latin"], shares["thai"]
    (0.6, 0.4, 0.0)
    """
    codes = code_points(_head(texts, max_chars))
    counts = np.bincount(codes) if len(codes) else np.zeros(0, np.int64)
    seen = np.flatnonzero(counts)
    scripts = script_ids(seen.astype(np.uint32))
    # Python is asked only once for each different character; Han newer than its Unicode tables still counts.
    is_letter = np.fromiter((chr(code).isalpha() for code in seen), np.bool_, len(seen))
    is_letter |= scripts == SCRIPTS.index("han")
    totals = np.bincount(scripts[is_letter], weights=counts[seen][is_letter], minlength=len(SCRIPTS))
    if not totals.sum():
        return {}
    return dict(zip(SCRIPTS, (totals / totals.sum()).tolist(), strict=True))


def code_points(text: str) -> NDArray[np.uint32]:
    """Turn a text into its code points, one uint32 a character (read-only)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def script_ids(codes: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Look up the script of each code point, letter or not, as its place in `SCRIPTS`."""
    rows = sorted((*ends, SCRIPTS.index(name)) for name, ranges in _RANGES.items() for ends in ranges)
    lows, highs, ids = np.array(rows, dtype=np.int64).T
    nearest = np.searchsorted(lows, codes, side="right") - 1
    is_inside = (nearest >= 0) & (codes <= highs[nearest])
    return np.where(is_inside, ids[nearest], SCRIPTS.index("other"))


def _head(texts: Iterable[str], max_chars: int) -> str:
    parts, left = [], max_chars
    for text in texts:
        if left <= 0:
            break
        parts.append(text[:left])
        left -= len(text)
    return "".join(parts)
