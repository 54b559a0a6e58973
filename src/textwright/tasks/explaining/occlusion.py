"""Occlusion: the answer with all tokens minus the answer without one, for each token in turn.

Follows Zeiler and Fergus (arXiv:1311.2901) and, for words, Li et al. (arXiv:1612.08220). It asks the model
itself and nothing of its insides, so that it works for every engine: one answer more for each token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tokenizers
from tokenizers import Regex, pre_tokenizers

from textwright.core.ragged import IntArray, Ragged
from textwright.tasks.base import Array
from textwright.tasks.explaining.base import (
    Focus,
    Method,
    Read,
    Reading,
    TokenEngine,
    Weighed,
    in_parts,
)
from textwright.tasks.trainers.base import Engine
from textwright.tasks.trainers.long import Long
from textwright.text.chunks import Chunks
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
    read, mask = Read.by(engine, texts), mask_id(engine)
    if not read.chunks.is_trivial:
        return _weigh_chunks(engine, read, focus)
    stead = [] if mask is None else [mask]

    def variants() -> Iterator[tuple[int, list[int]]]:
        for number, reading in enumerate(read.readings):
            ids = reading.ids or []
            yield from ((number, [*ids[:i], *stead, *ids[i + 1 :]]) for i in range(len(ids)))

    return _differences(
        variants(), lambda rows: engine.of_rows(Ragged.from_lists(rows)), read.readings, focus
    )


def _weigh_chunks(engine: TokenEngine, read: Read, focus: Focus) -> list[Weighed]:
    """A token is left out of each chunk that holds it; where chunks begin, and what they count, stays."""
    whole, without = engine.of_rows(read.chunks.rows), _each_left_out(engine, read.chunks.rows)
    answers = focus.value(focus.outputs, np.arange(len(read.readings)))
    found = []
    for text, reading in enumerate(read.readings):
        parts = [
            answers[text] - focus.value(outputs, np.full(len(outputs), text))
            for outputs in _pooled_without(engine.long, read.chunks, text, whole, without)
        ]
        found.append(Weighed(reading, np.concatenate([np.zeros(0), *parts])))
    return found


def _each_left_out(engine: TokenEngine, rows: Ragged) -> list[Array]:
    """For each chunk of T tokens the outputs (T, K) without one of them, each in turn."""
    mask, found = mask_id(engine), list[Array]()
    variants = ((number, without_each(row, mask)) for number, row in enumerate(rows))
    for _, parts in in_parts(variants, _SIZE // max(int(rows.lengths.max(initial=1)), 1)):
        outputs = engine.of_rows(Ragged.concatenate(parts))
        found += np.split(outputs, np.cumsum([len(part) for part in parts])[:-1])
    return found


def without_each(row: IntArray, stead: int | None = None) -> Ragged:
    """The row (T,) without each of its tokens in turn, or with another one in its place.

    >>> [row.tolist() for row in without_each(np.array([1, 2, 3]))]
    [[2, 3], [1, 3], [1, 2]]
    """
    rows = np.tile(row, (len(row), 1))
    if stead is None:
        rows = rows[~np.eye(len(row), dtype=bool)].reshape(len(row), -1) if len(row) else rows
    else:
        np.fill_diagonal(rows, stead)
    return Ragged(rows.ravel(), np.arange(len(row) + 1) * rows.shape[1])


def _pooled_without(
    long: Long, chunks: Chunks, text: int, whole: Array, without: list[Array]
) -> Iterator[Array]:
    """Outputs (n, K) of one text without each of its tokens in turn, in parts, so that memory stays flat."""
    first, end = int(chunks.offsets[text]), int(chunks.offsets[text + 1])
    num_chunks, num_tokens = end - first, int(chunks.starts[end - 1]) + len(without[end - 1])
    size = max(_SIZE // whole[first:end].size, 1)
    for begin in range(0, num_tokens, size):
        count = min(size, num_tokens - begin)
        outputs = np.repeat(whole[None, first:end], count, axis=0)
        for chunk in range(first, end):
            start = int(chunks.starts[chunk]) - begin
            low, high = max(start, 0), min(start + len(without[chunk]), count)
            if low < high:
                outputs[low:high, chunk - first] = without[chunk][low - start : high - start]
        as_texts = replace(
            chunks,
            offsets=np.arange(count + 1) * num_chunks,
            starts=np.tile(chunks.starts[first:end], count),
            shares=np.tile(chunks.shares[first:end], count),
        )
        yield long.pooled(outputs.reshape(count * num_chunks, -1), as_texts)


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
    vector is noise. A model that reads from left to right learned it, if at all, while it saw both sides: as
    it reads here, it takes it for what its vector happens to be.
    """
    role = engine.tokenizer.frame.special.get("mask_token")
    if role is None or engine.architecture == "transformer" or getattr(engine.network, "reads_last", False):
        return None
    found: int | None = tokenizers.Tokenizer.from_str(engine.tokenizer.content).token_to_id(role)
    return found


METHOD = Method(refusal=lambda engine: "", weigh=weigh)
