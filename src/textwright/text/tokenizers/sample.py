"""A stream of texts in bounded memory: all of them while they fit, after that a random share of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textwright.core.errors import TokenizerError
from textwright.core.seeds import generator

NOT_TEXT_HINT = "Drop the row or clean its text; half a character (\\ud83d) comes from a file that was cut."


@dataclass(frozen=True)
class Sample:
    """Texts to learn from, and the size of the whole stream they were drawn from."""

    texts: list[str]
    num_bytes: int


def draw_sample(texts: Iterable[str], max_bytes: int) -> Sample:
    """Keep at most `max_bytes` (UTF-8) of a stream, each text with the same chance; repeatable.

    Each text draws a number; when memory is full, only those below half of the old limit stay. Taking every
    second text would do harm where two languages take turns. Raises TokenizerError for what is not text.
    """
    chance = generator(0, "tokenizer", "sample").random
    limit, num_bytes, num_kept_bytes = 1.0, 0, 0
    kept: list[tuple[float, str, int]] = []
    for row, text in enumerate(texts):
        size, draw = _size(text, row), chance()
        num_bytes += size
        if draw >= limit:
            continue
        # One text longer than the whole limit is cut: it can only be a file in one piece.
        kept.append((draw, text if size <= max_bytes else text[: max_bytes // 4], min(size, max_bytes)))
        num_kept_bytes += kept[-1][2]
        while num_kept_bytes > max_bytes and len(kept) > 1:
            limit /= 2
            kept = [entry for entry in kept if entry[0] < limit] or kept[:1]
            num_kept_bytes = sum(entry[2] for entry in kept)
    if not num_bytes:
        raise TokenizerError("no text to learn a tokenizer from", hint="Check which column holds the text.")
    return Sample([text for _, text, _ in kept], num_bytes)


def is_text(value: object) -> bool:
    """Whether a value is a string that UTF-8 can hold: half of a surrogate pair is not."""
    try:
        return isinstance(value, str) and value.encode("utf-8") is not None
    except UnicodeEncodeError:
        return False


def _size(text: str, row: int) -> int:
    try:
        return len(text.encode("utf-8"))
    except (AttributeError, UnicodeEncodeError):
        raise TokenizerError(f"row {row:,}: expected text, found {text!r:.60}", hint=NOT_TEXT_HINT) from None
