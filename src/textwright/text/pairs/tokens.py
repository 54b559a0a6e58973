"""Pairs to tokens on disk: a part held out to judge on, one tokenizer learned of both sides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import DataError
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import IntArray, Ragged
from textwright.core.seeds import generator
from textwright.text.documents.shards import Shards, ShardWriter
from textwright.text.documents.tokens import TokenCorpus
from textwright.text.pairs.added import BACK, Add, Added
from textwright.text.pairs.alike import held_out
from textwright.text.pairs.checking import Languages, Told
from textwright.text.pairs.languages import language_of
from textwright.text.pairs.reading import Pair
from textwright.text.pairs.sizes import Sizes
from textwright.text.rowlog import RowLog
from textwright.text.script import script_shares
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, bpe, train_tokenizer
from textwright.text.tokenizers.framed import marks_of

# What is held out: a share, enough to judge on, and no more.
_SHARE, _MOST_ROWS = 0.05, 1_000
# With fewer pairs there is nothing to learn from, and to judge on.
LEAST_ROWS = 10
_ROWS_PER_CALL = 1_024
# Pairs that languages are told by.
_SEEN = 2_000
TOO_LONG = "the target is longer than the window"
CUT = "end of the source cut: it is longer than the window"
# Pieces by the number of pairs (Gowda and May, arXiv:2004.02334), and what characters of Han take beside.
_SIZES, _MOST_SIZE = ((30_000, 4_096), (150_000, 8_192), (1_000_000, 16_384)), 32_768
_FOR_HAN = 4_096


@dataclass(frozen=True)
class Making:
    """How pairs become tokens: `tokenizer` is given, or what one is learned by; `finished` gives one that is
    learned its special tokens. A side has `most` tokens at most, its end among them; where `cuts` says so,
    the end of a source that is longer is left out, in the place of the pair. `frame` gives what stands around
    texts of two languages; `add` makes pairs to learn from besides those that are given; `sized` says that it
    is told how long targets are (`Sizes`). `languages` are the codes that were asked for, each empty where
    none was.
    """

    tokenizer: Tokenizer | TokenizerSettings
    finished: Callable[[Tokenizer], Tokenizer]
    frame: Callable[[Tokenizer, Sequence[str]], PairFrame]
    most: int
    cuts: bool = False
    seed: int = 0
    add: Add | None = None
    sized: bool = False
    languages: Languages = ("", "")


def build_pairs(
    pairs: Sequence[Pair], folder: Path, making: Making, log: RowLog, told: Told
) -> tuple[TokenCorpus, list[Pair]]:
    """Write the tokens of clean pairs to `folder/train` and `folder/validation`, each side with its end; the
    pairs that fit are those of both parts.

    Pairs that share a side, or are near twins, stay in one part. `about` of both parts has `documents`
    (pairs), the `bytes` of the targets, how many tokens are `told`, and of the `longest` target, the
    `languages` of both sides, their `columns`, and the `notes` and `warnings` of reading; that of `train`
    with pairs that were added how many there are of each kind (`kinds`, in their order), and how they were
    made (`added`). None of these is held out. `sizes` are those of targets, where these are told. Raises
    DataError for too few pairs.
    """
    given, apart = held_apart(pairs, making.seed, told)
    added = Added(given) if making.add is None else making.add(given, apart, log)
    if isinstance(making.tokenizer, Tokenizer):
        tokenizer = making.tokenizer
    else:
        tokenizer = making.finished(learned_tokenizer([*given, *added.back], making.tokenizer))
    languages = [asked or found for asked, found in zip(making.languages, languages_of(pairs), strict=True)]
    cutter = Cutter(tokenizer, making.frame(tokenizer, languages), making)
    known: dict[str, Any] = {"languages": languages, "frame": cutter.frame.to_json(), "seed": making.seed}
    known |= {"columns": told.columns, "notes": told.notes, "warnings": told.warnings}
    (train, learned), (validation, judged) = (
        _written(folder / name, part, cutter, log, known)
        for name, part in (("train", added), ("validation", Added(apart)))
    )
    return TokenCorpus(train, validation, tokenizer, log), [*learned, *judged]


def held_apart(pairs: Sequence[Pair], seed: int, told: Told | None = None) -> tuple[list[Pair], list[Pair]]:
    """The pairs to learn from, and those that are held out: the same ones whatever learns from them.

    A twentieth is held out, 1,000 at most, in an order that is none: the first of a sorted file would be its
    shortest. Pairs that share a side, or are near twins, stay in one part. Raises DataError for too few.
    """
    if len(pairs) < LEAST_ROWS:
        raise DataError(
            f"{len(pairs):,} pairs are too few to learn from and to judge on",
            hint=f"Give at least {LEAST_ROWS}, no two of them the same.",
        )
    share = min(_SHARE, _MOST_ROWS / len(pairs))
    is_held = held_out(pairs, share, seed, told)
    given = [pair for pair, held in zip(pairs, is_held, strict=True) if not held]
    apart = [pair for pair, held in zip(pairs, is_held, strict=True) if held]
    return given, [apart[i] for i in generator(seed, "held out").permutation(len(apart))]


def languages_of(pairs: Sequence[Pair]) -> list[str]:
    """Codes of the languages of the sources and of the targets."""
    seen = pairs[:: max(len(pairs) // _SEEN, 1)]
    return [language_of([getattr(pair, side) for pair in seen]) for side in ("source", "target")]


def learned_tokenizer(pairs: Sequence[Pair], settings: TokenizerSettings) -> Tokenizer:
    """One of both sides; pieces are made of whole characters where one of them is written in Han or kana."""
    sides = [pair.source for pair in pairs], [pair.target for pair in pairs]
    shares = [script_shares(side[:2_000]) for side in sides]
    is_han = max(share.get("han", 0.0) + share.get("kana", 0.0) for share in shares) >= bpe.MANY_RUNS
    usual = next((size for limit, size in _SIZES if len(pairs) <= limit), _MOST_SIZE)
    settings = settings.filled(vocabulary_size=usual + _FOR_HAN * is_han)
    texts = chain.from_iterable(zip(*sides, strict=True))
    if settings.kind == "bpe" and is_han:
        return bpe.train_characters(texts, settings)
    return train_tokenizer(texts, settings)


@dataclass(frozen=True)
class Cutter:
    """Texts to tokens, by a tokenizer that is there and the frame that it has for two languages."""

    tokenizer: Tokenizer
    frame: PairFrame
    making: Making

    def encoded(
        self, pairs: Sequence[Pair], log: RowLog, mark: str = ""
    ) -> Iterator[tuple[Pair, IntArray, IntArray]]:
        """The tokens of both sides, each with its end, of all pairs that fit; a mark before the source."""
        end_id, tokenizer = self.frame.end_id, self.tokenizer
        before = np.array([marks_of(tokenizer)[mark]] if mark else [], np.int64)
        most, cuts = self.making.most, self.making.cuts
        room, room_told = most - 1 - self.frame.size, most - len(self.frame.known)
        for start in range(0, len(pairs), _ROWS_PER_CALL):
            part = pairs[start : start + _ROWS_PER_CALL]
            sources = tokenizer.whole([pair.source for pair in part])
            targets = tokenizer.of_targets.whole([pair.target for pair in part])
            for pair, *both in zip(part, sources, targets, strict=True):
                source, target = (ids[ids != end_id] for ids in both)  # some find an end in its name
                source = np.concatenate([before, source])
                if len(target) > room_told or (len(source) > room and not cuts):
                    log.dropped(TOO_LONG, pair.row, pair.target)
                    continue
                if len(source) > room:
                    log.changed(CUT, pair.row, pair.source)
                yield pair, np.append(source[:room], end_id), np.append(target, end_id)


def _written(
    folder: Path, added: Added, cutter: Cutter, log: RowLog, known: dict[str, Any]
) -> tuple[Shards, list[Pair]]:
    """The tokens of the pairs that fit, and these pairs."""
    tokenizer = cutter.tokenizer
    fitting: list[Pair] = []
    writer = ShardWriter(folder, tokenizer.size)
    counted = {"bytes": 0, "documents": 0, "told": 0, "longest": 0}
    kinds = dict.fromkeys(added.kinds, 0)
    for kind, pairs in added.kinds.items():
        for pair, source, target in cutter.encoded(pairs, log, BACK if kind == BACK else ""):
            writer.add(np.concatenate([source, target]))
            fitting.append(pair)
            kinds[kind] += 1
            counted["bytes"] += len(pair.target.encode("utf-8"))
            counted["told"] += len(target)
            counted["longest"] = max(counted["longest"], len(target))
    counted["documents"] = sum(kinds.values())
    if added.about:
        known = {**known, "kinds": kinds, "added": added.about}
    if not counted["documents"]:
        number = sum(map(len, added.kinds.values()))
        raise DataError(
            f"none of {number:,} pairs fits into the window of {cutter.making.most:,} tokens",
            hint="Take a longer one (--set model.positions=N), or cut the texts.",
        )
    if cutter.making.sized:
        targets = [pair.target for pairs in added.kinds.values() for pair in pairs]
        sizes = Sizes.of(targets, counted["told"] - counted["documents"])
        known = {**known, "sizes": None if sizes is None else sizes.to_json()}
    about = {"tokenizer": tokenizer.fingerprint, "stretches": 0, **counted, **known}
    return writer.close(about), fitting


def sides_of(row: IntArray, end_id: int) -> tuple[Ragged, Ragged]:
    """Sources and targets of one long row of tokens, in which every other end is that of a target.

    >>> sources, targets = sides_of(np.array([5, 2, 6, 7, 2, 2, 8, 2]), 2)
    >>> [row.tolist() for row in sources], [row.tolist() for row in targets]
    ([[5, 2], [2]], [[6, 7, 2], [8, 2]])
    """
    ends = np.flatnonzero(row == end_id) + 1
    offsets = np.concatenate([[0], ends])
    both = Ragged(row, offsets)
    return both.take(np.arange(0, len(both), 2)), both.take(np.arange(1, len(both), 2))


def parts_of(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """The two tokens (V, 2) that each token was made of by BPE, -1 where there are none."""
    model = json.loads(tokenizer.content)["model"]
    parts = np.full((tokenizer.size, 2), -1, np.int64)
    ids = model["vocab"]
    for merge in model.get("merges", ()):
        one, other = merge.split(" ") if isinstance(merge, str) else merge
        parts[ids[one + other]] = ids[one], ids[other]
    return parts
