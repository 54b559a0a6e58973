"""How long what people write is: short, medium and long by the thirds of what there is to learn from.

Shapes: N texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from textwright.text.script import CJK_PATTERN

SizeName = Literal["short", "medium", "long"]
SIZE_NAMES: tuple[SizeName, ...] = get_args(SizeName)
Unit = Literal["words", "characters"]

_WORD = rf"(?:(?![{CJK_PATTERN}])[^\W_])+"
_PIECE = re.compile(rf"[{CJK_PATTERN}]|{_WORD}(?:['’.,-]{_WORD})*")
_CHARACTER = re.compile(f"[{CJK_PATTERN}]")
# A name that fewer texts have is not learned.
_LEAST_SHARE = 0.02


@dataclass(frozen=True)
class Sizes:
    """Texts of at most `edges[0]` words are short, those of more than `edges[1]` long; `middles` are the
    medians of the three, None where there are none, and `tokens` those of a word, on average.
    """

    unit: Unit
    edges: tuple[int, int]
    middles: tuple[int | None, int | None, int | None]
    tokens: float

    @classmethod
    def of(cls, texts: Sequence[str], num_tokens: int) -> Sizes | None:
        """Those of texts (N,) of so many tokens in all; None where nearly all are of one size.

        >>> Sizes.of(["a b", "a b c", "a b c d", "a b c d e f"], 30)
        Sizes(unit='words', edges=(3, 4), middles=(2, 4, 6), tokens=2.0)
        """
        sizes = np.array([size_of(text) for text in texts])
        if not sizes.sum() or np.ptp(sizes) == 0:
            return None
        low, high = (int(edge) for edge in np.quantile(sizes, (1 / 3, 2 / 3), method="inverted_cdf"))
        if low == sizes.max():  # most are as long as the longest
            low = int(sizes[sizes < low].max())
        of_name = (sizes > low).astype(int) + (sizes > high)
        shares = [sizes[of_name == place] for place in range(len(SIZE_NAMES))]
        middles = [int(np.median(own)) if len(own) >= _LEAST_SHARE * len(sizes) else None for own in shares]
        if sum(middle is not None for middle in middles) < 2:
            return None
        is_dense = sum(len(_CHARACTER.findall(text)) for text in texts) > sizes.sum() / 2
        unit: Unit = "characters" if is_dense else "words"
        return cls(unit, (low, high), (middles[0], middles[1], middles[2]), num_tokens / int(sizes.sum()))

    def name_of(self, size: float) -> SizeName:
        """What a text of so many words is called.

        >>> sizes = Sizes("words", (8, 20), (5, 12, 30), 1.3)
        >>> sizes.name_of(8), sizes.name_of(9), sizes.name_of(21)
        ('short', 'medium', 'long')
        """
        return SIZE_NAMES[(size > self.edges[0]) + (size > self.edges[1])]

    def learned(self, name: SizeName) -> SizeName:
        """The name itself, or the nearest one that texts have.

        >>> Sizes("words", (5, 12), (5, 12, None), 1.0).learned("long")
        'medium'
        """
        wanted = SIZE_NAMES.index(name)
        known = [place for place, middle in enumerate(self.middles) if middle is not None]
        return SIZE_NAMES[min(known, key=lambda place: abs(place - wanted))]

    def middle(self, name: SizeName) -> int:
        """How many words a text of that name has."""
        return int(self.middles[SIZE_NAMES.index(self.learned(name))] or 1)

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "edges": [*self.edges],
            "middles": [*self.middles],
            "tokens": round(self.tokens, 4),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Sizes:
        (low, high), (short, medium, long) = record["edges"], record["middles"]
        return cls(record["unit"], (int(low), int(high)), (short, medium, long), float(record["tokens"]))


def size_of(text: str) -> int:
    """Words of a text, and Chinese characters, each of which counts as one.

    >>> size_of("It's a well-known fact."), size_of("长江水位上涨2.5米。"), size_of("…")
    (4, 8, 0)
    """
    return len(_PIECE.findall(text))
