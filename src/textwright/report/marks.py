"""A text cut into pieces by the weights of its tokens, so that a page can mark those that mattered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Of the largest weight: less than the first share is not marked, above the others it is drawn stronger.
_STEPS = (0.2, 0.5, 0.8)


@dataclass(frozen=True)
class Piece:
    """`kind` is "for", "against" or empty; `weight` is 1 to 3."""

    text: str
    kind: str = ""
    weight: int = 0


def mark_tokens(text: str, tokens: list[dict[str, Any]]) -> list[Piece]:
    """All of `text` in order; tokens that overlap or lie outside of it are passed over.

    >>> [(p.text, p.kind) for p in mark_tokens("so good", [{"start": 3, "end": 7, "weight": 2.0}])]
    [('so ', ''), ('good', 'for')]
    """
    largest = max((abs(token["weight"]) for token in tokens), default=0.0)
    pieces, at = [], 0
    for token in sorted(tokens, key=lambda token: token["start"]):
        start, end = token["start"], token["end"]
        strength = sum(abs(token["weight"]) >= step * largest for step in _STEPS) if largest else 0
        if start < at or end <= start or end > len(text) or not strength:
            continue
        if start > at:
            pieces.append(Piece(text[at:start]))
        pieces.append(Piece(text[start:end], "for" if token["weight"] > 0 else "against", strength))
        at = end
    return [*pieces, Piece(text[at:])] if at < len(text) else pieces
