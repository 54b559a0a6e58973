"""Occlusion: the answer with all tokens minus the answer without one, for each token in turn.

Follows Zeiler and Fergus (arXiv:1311.2901) and, for words, Li et al. (arXiv:1612.08220). It asks the model
itself and nothing of its insides, so that it works for every engine: one answer more for each token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tokenizers
from tokenizers import Regex, pre_tokenizers

from textwright.core.ragged import Ragged
from textwright.tasks.base import Array
from textwright.tasks.explaining.base import (
    Focus,
    Method,
    Reading,
    TokenEngine,
    Weighed,
    in_parts,
    read_tokens,
)
from textwright.tasks.trainers.base import Engine
from textwright.text.script import CJK_PATTERN
from textwright.text.tokenizers.word import WORD_PATTERN

# So many ids, or characters, are answered at once.
_SIZE = 2_000_000
# Two letters that a word between them kept apart.
_GLUED = re.compile(rf"[^\W{CJK_PATTERN}]{{2}}")


def weigh(engine: Engine, texts: Sequence[str], focus: Focus) -> list[Weighed]:
    """The difference that each token makes, or each word of a text for a model that reads no tokens."""
    if isinstance(engine, TokenEngine):
        return _weigh_tokens(engine, texts, focus)
    readings = read_words(texts)

    def variants() -> Iterator[tuple[int, str]]:
        for number, (text, reading) in enumerate(zip(texts, readings, strict=True)):
            yield from ((number, without(text, *span)) for span in reading.spans)

    return _differences(variants(), engine.outputs, readings, focus)


def _weigh_tokens(engine: TokenEngine, texts: Sequence[str], focus: Focus) -> list[Weighed]:
    from textwright.tasks.trainers.engine import run

    tokenizer, readings = engine.tokenizer, read_tokens(engine.tokenizer, texts)
    mask = mask_id(engine)
    stead = [] if mask is None else [mask]

    def variants() -> Iterator[tuple[int, list[int]]]:
        for number, reading in enumerate(readings):
            ids = reading.ids or []
            yield from ((number, [*ids[:i], *stead, *ids[i + 1 :]]) for i in range(len(ids)))

    def outputs(rows: list[list[int]]) -> Array:
        framed = tokenizer.frame.around(Ragged.from_lists(rows))
        return run(engine.network, framed, tokenizer.pad_id)

    return _differences(variants(), outputs, readings, focus)


def _differences(
    variants: Iterator[tuple[int, Any]],
    outputs: Callable[[list[Any]], Array],
    readings: list[Reading],
    focus: Focus,
) -> list[Weighed]:
    whole = focus.value(focus.outputs, np.arange(len(readings)))
    parts = [
        whole[numbers] - focus.value(outputs(changed), numbers)
        for numbers, changed in in_parts(variants, _SIZE)
    ]
    ends = np.cumsum([len(reading.spans) for reading in readings])
    weights = np.split(np.concatenate([np.zeros(0), *parts]), ends[:-1])
    return [Weighed(*pair) for pair in zip(readings, weights, strict=True)]


def read_words(texts: Sequence[str]) -> list[Reading]:
    """The words of each text, every Chinese character and punctuation mark being one."""
    split = pre_tokenizers.Split(Regex(WORD_PATTERN), "removed", invert=True)
    return [Reading([span for _, span in split.pre_tokenize_str(text)]) for text in texts]


def without(text: str, start: int, end: int) -> str:
    """The text without a part, its neighbours kept apart where they would become one word.

    >>> without("bad,good", 3, 4), without("很不好", 1, 2), without("not good", 0, 3)
    ('bad good', '很好', ' good')
    """
    blank = " " if _GLUED.fullmatch(text[start - 1 : start] + text[end : end + 1]) else ""
    return text[:start] + blank + text[end:]


def mask_id(engine: TokenEngine) -> int | None:
    """The id of [MASK], where the model has learned that it stands for any token.

    A `transformer` that started from nothing has one too, for others to use, but has never seen it: its
    vector is noise.
    """
    role = engine.tokenizer.frame.special.get("mask_token")
    if role is None or engine.architecture == "transformer":
        return None
    found: int | None = tokenizers.Tokenizer.from_str(engine.tokenizer.content).token_to_id(role)
    return found


METHOD = Method(refusal=lambda engine: "", weigh=weigh)
