"""Pairs that teach something wrong are dropped, each with a reason that a person can check.

What is normal is learned from the pairs themselves: scripts and languages of both sides, and how long a
target is for its source. All rules look for what is surely wrong; a free translation passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from textwright.core.settings import Settings
from textwright.text.clean import fold
from textwright.text.duplicates import BoolArray, find_twins
from textwright.text.pairs.languages import language_of, strangers
from textwright.text.pairs.lengths import odd_lengths
from textwright.text.pairs.marks import addresses_differ, numbers_differ
from textwright.text.pairs.reading import NO_SOURCE, NO_TARGET, Pair
from textwright.text.pairs.scripts import LATIN, Side, swapped
from textwright.text.pairs.sides import misplaced
from textwright.text.rowlog import RowLog

Kind = Literal["translate", "summarize"]
Wrong = tuple[str, BoolArray]  # a reason, and the pairs that it holds for

IDENTICAL = "source and target are the same text"
TOO_LONG = "a side is too long"
NOT_SHORTER = "the summary is not shorter than the text"
SWAPPED = "source and target are swapped"
STRAY_SOURCE = "the source is in another script than the others"
STRAY_TARGET = "the target is in another script than the others"
FOREIGN_SOURCE = "the source is in another language than the others"
FOREIGN_TARGET = "the target is in another language than the others"
ODD_LENGTHS = "the lengths of source and target do not fit"
NUMBERS = "the numbers of source and target contradict each other"
ADDRESSES = "a web or e-mail address stands on one side only"
DUPLICATE = "the same pair as an earlier one"
NEAR_DUPLICATE = "nearly the same pair as an earlier one"
MANY_TARGETS = "its source has enough targets already"
REASONS = (
    NO_SOURCE, NO_TARGET, IDENTICAL, TOO_LONG, NOT_SHORTER, SWAPPED, STRAY_SOURCE, STRAY_TARGET,
    FOREIGN_SOURCE, FOREIGN_TARGET, ODD_LENGTHS, NUMBERS, ADDRESSES, DUPLICATE, NEAR_DUPLICATE, MANY_TARGETS,
)  # fmt: skip

_MAX_CHARS = {"translate": 3_000, "summarize": 200_000}
_MAX_WORDS = {"translate": 500, "summarize": 40_000}
_MIN_PAIRS = 30  # of fewer no script and no language is learned


class PairRules(Settings):
    """Which pairs are dropped; each rule can be switched off.

    `max_chars` and `max_words` of a side are 3,000 and 500 for translation, 200,000 and 40,000 for summaries,
    where nothing is said. `max_deviation` counts spreads of the ratio of lengths around its median among
    pairs of about that length. `similarity` is that of near duplicates, both sides taken together;
    `max_targets` keeps so many different targets of a source, 0 all of them. Scripts, languages, swapped
    sides, numbers and addresses are looked at for translation alone.

    >>> PairRules(max_targets=1).max_targets, PairRules().numbers
    (1, True)
    """

    identical: bool = Field(True, description="drop a pair whose sides are the same text")
    long: bool = Field(True, description="drop sides that are too long")
    max_chars: int | None = Field(None, ge=1, description="characters of a side at most")
    max_words: int | None = Field(None, ge=1, description="words of a side at most")
    swapped: bool = Field(True, description="drop a pair whose sides have changed places")
    scripts: bool = Field(True, description="drop a side in another script than that side mostly has")
    languages: bool = Field(True, description="drop a side that is surely in another language")
    lengths: bool = Field(True, description="drop a pair whose lengths do not go together")
    max_deviation: float = Field(5.0, gt=0, description="spreads of the ratio of lengths that are let pass")
    numbers: bool = Field(True, description="drop a pair whose numbers are quite other ones")
    addresses: bool = Field(True, description="drop a pair whose addresses (URL, e-mail) are other ones")
    duplicates: bool = Field(True, description="drop a pair that is there already")
    near_duplicates: bool = Field(True, description="drop a pair that is nearly one that is there already")
    similarity: float = Field(0.9, gt=0, le=1, description="of near duplicates, both sides together")
    max_targets: int = Field(0, ge=0, description="different targets of a source that are kept; 0 keeps all")


def clean_pairs(
    pairs: Sequence[Pair], log: RowLog, rules: PairRules | None = None, *, kind: Kind = "translate"
) -> list[Pair]:
    """The pairs that can be learned from; the others are dropped into `log`, each for the first reason found.

    >>> log = RowLog()
    >>> pairs = [Pair("Hello.", "你好。", 2), Pair("hello", "你好", 3), Pair("OK", "OK", 4)]
    >>> [pair.row for pair in clean_pairs(pairs, log)]
    [2]
    >>> list(log.counts)
    [('dropped', 'source and target are the same text'), ('dropped', 'the same pair as an earlier one')]
    """
    rules = rules or PairRules()
    left = list(pairs)
    for rule in _rules(rules, kind):
        if not left:
            break
        sources, targets = [pair.source for pair in left], [pair.target for pair in left]
        left = _without(left, rule(sources, targets), log)
    return left


Rule = Callable[[list[str], list[str]], Iterable[Wrong]]


def _rules(rules: PairRules, kind: Kind) -> Iterator[Rule]:
    """In their order: what is wrong by itself, by what the others are, and what comes again."""
    yield lambda s, t: _alone(s, t, rules, kind)
    if kind == "translate":
        yield lambda s, t: _strays(s, t, rules)
        yield lambda s, t: _marks(s, t, rules)
    if rules.lengths:
        is_summary = kind == "summarize"
        yield lambda s, t: [
            (ODD_LENGTHS, odd_lengths(s, t, max_deviation=rules.max_deviation, by_source=is_summary))
        ]
    yield lambda s, t: _again(s, t, rules)


def _without(pairs: list[Pair], wrong: Iterable[Wrong], log: RowLog) -> list[Pair]:
    reasons: list[str] = [""] * len(pairs)
    for reason, holds in wrong:
        for place in np.flatnonzero(holds).tolist():
            reasons[place] = reasons[place] or reason
    for pair, reason in zip(pairs, reasons, strict=True):
        if reason:
            log.dropped(reason, pair.row, f"{pair.source[:38]} | {pair.target[:39]}")
    return [pair for pair, reason in zip(pairs, reasons, strict=True) if not reason]


def _alone(sources: list[str], targets: list[str], rules: PairRules, kind: Kind) -> Iterator[Wrong]:
    """What a pair tells by itself."""
    yield NO_SOURCE, _mask(not text.strip() for text in sources)
    yield NO_TARGET, _mask(not text.strip() for text in targets)
    if rules.long:
        max_chars, max_words = rules.max_chars or _MAX_CHARS[kind], rules.max_words or _MAX_WORDS[kind]
        yield (
            TOO_LONG,
            _mask(
                _is_long(s, max_chars, max_words) or _is_long(t, max_chars, max_words)
                for s, t in zip(sources, targets, strict=True)
            ),
        )
    if rules.identical:
        # Of one language, as classical and modern Chinese, they may be the same but for a comma.
        same = _same if language_of(sources) != language_of(targets) else str.__eq__
        yield IDENTICAL, _mask(same(s, t) for s, t in zip(sources, targets, strict=True))
    if kind == "summarize" and rules.lengths:
        yield NOT_SHORTER, _mask(len(t) >= len(s) for s, t in zip(sources, targets, strict=True))


def _mask(flags: Iterable[bool]) -> BoolArray:
    return np.array(list(flags), dtype=np.bool_)


def _is_long(text: str, max_chars: int, max_words: int) -> bool:
    # A word takes two characters and more, so that most texts need not be cut.
    return len(text) > max_chars or (len(text) >= 2 * max_words and len(text.split()) > max_words)


def _same(source: str, target: str) -> bool:
    if source == target:
        return True
    return 0.5 < len(source) / max(1, len(target)) < 2 and fold(source) == fold(target)


def _strays(sources: list[str], targets: list[str], rules: PairRules) -> Iterator[Wrong]:
    """What is in the wrong script or language, by what most pairs are in."""
    if len(sources) < _MIN_PAIRS:
        return
    left, right = Side.of(sources), Side.of(targets)
    if rules.swapped:
        yield SWAPPED, swapped(left, right)
    if rules.scripts:
        yield STRAY_SOURCE, left.strays()
        yield STRAY_TARGET, right.strays()
    own = language_of(sources), language_of(targets)
    if left.script == right.script and own[0] != own[1]:
        like_target, like_source = misplaced(sources, targets)
        if rules.swapped:
            yield SWAPPED, like_target & like_source
        if rules.languages:
            yield FOREIGN_SOURCE, like_target
            yield FOREIGN_TARGET, like_source
    if rules.languages and left.script == LATIN:
        yield FOREIGN_SOURCE, _mask(map(bool, strangers(sources, own[0])))
    if rules.languages and right.script == LATIN:
        yield FOREIGN_TARGET, _mask(map(bool, strangers(targets, own[1])))


def _marks(sources: list[str], targets: list[str], rules: PairRules) -> Iterator[Wrong]:
    """What a translation must not change."""
    if rules.numbers:
        yield NUMBERS, numbers_differ(sources, targets)
    if rules.addresses:
        yield ADDRESSES, addresses_differ(sources, targets)


def _again(sources: list[str], targets: list[str], rules: PairRules) -> Iterator[Wrong]:
    """What comes again: the pair, nearly the pair, or the source more often than is wanted."""
    if not (rules.duplicates or rules.near_duplicates or rules.max_targets):
        return
    folded = [(fold(s), fold(t)) for s, t in zip(sources, targets, strict=True)]
    seen: dict[tuple[str, str], int] = {}
    copies = _mask(seen.setdefault(pair, place) != place for place, pair in enumerate(folded))
    if rules.duplicates:
        yield DUPLICATE, copies
    if rules.near_duplicates:
        twins = find_twins([f"{s} {t}" for s, t in folded], threshold=rules.similarity)
        yield NEAR_DUPLICATE, (twins.group != np.arange(len(folded))) & ~copies
    if rules.max_targets:
        yield MANY_TARGETS, _more_targets(folded, copies, rules.max_targets)


def _more_targets(folded: Sequence[tuple[str, str]], copies: BoolArray, most: int) -> BoolArray:
    counts = Counter[str]()
    more = np.zeros(len(folded), np.bool_)
    for place in np.flatnonzero(~copies).tolist():
        counts[folded[place][0]] += 1
        more[place] = counts[folded[place][0]] > most
    return more
