"""Pairs to learn from that nobody gave: made by a model, cleaned as the given ones are, and counted.

None is held out, and none may share a side with a pair that is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.text.pairs.alike import leaks
from textwright.text.pairs.cleaning import Kind, PairRules, clean_pairs
from textwright.text.pairs.reading import Pair
from textwright.text.rowlog import RowLog

# The kinds, and of these the name of the mark before a source that was translated back (arXiv:1906.06442).
GIVEN, TAUGHT, BACK = "given", "taught", "back"
HELD_OUT = "a side is held out"
# What teaches the same source again is meant to be near the pair that is there.
_LENIENT = {"near_duplicates": False, "max_targets": 0}


@dataclass(frozen=True)
class Added:
    """What is learned from: given pairs, answers of a teacher to their sources (`taught`), and pairs of which
    the source was translated `back`; `about` says how these were made.
    """

    given: Sequence[Pair]
    taught: Sequence[Pair] = ()
    back: Sequence[Pair] = ()
    about: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def kinds(self) -> dict[str, Sequence[Pair]]:
        """All that there are, in the order in which they are written."""
        every = {GIVEN: self.given, TAUGHT: self.taught, BACK: self.back}
        return {kind: pairs for kind, pairs in every.items() if pairs or kind == GIVEN}


# Makes pairs beside those to learn from, given those that are held out, and tells what it dropped.
Add = Callable[[Sequence[Pair], Sequence[Pair], RowLog], Added]


@dataclass
class _OfMade(RowLog):
    """Hears of made pairs, whose rows are below zero, and tells the others' log of them by their own rows."""

    kind: str = ""
    rows: Sequence[int] = ()
    log: RowLog = field(default_factory=RowLog)

    def dropped(self, reason: str, row: int, detail: str = "") -> None:
        if row >= 0:
            return
        if self.kind == BACK:
            self.log.dropped(f"back-translated: {reason}", self.rows[-row - 1], detail)
        else:
            self.log.dropped(f"answer of the teacher: {reason}", self.rows[-row - 1], detail)


def clean_made(
    made: Sequence[Pair],
    beside: tuple[Sequence[Pair], Sequence[Pair]],
    log: RowLog,
    rules: PairRules,
    *,
    name: str = BACK,
    kind: Kind = "translate",
) -> list[Pair]:
    """The made pairs that can be learned from `beside` those to learn from and those held out.

    The rules look at them among the given ones, which say what is usual; each that is dropped is told in
    `log` with a reason that says it was made.

    >>> given, log = [Pair("Hello.", "你好。", 2)], RowLog()
    >>> made = [Pair("Thanks.", "谢谢。", 1), Pair("hello", "你好", 2), Pair("Bye!", "拜拜。", 3)]
    >>> [pair.row for pair in clean_made(made, (given, [Pair("bye", "再见", 3)]), log, PairRules())]
    [1]
    >>> [reason for _, reason in log.counts]
    ['back-translated: the same pair as an earlier one', 'back-translated: a side is held out']
    """
    train, held_out = beside
    rows = [pair.row for pair in made]
    told = _OfMade(kind=name, rows=rows, log=log)
    own = [Pair(pair.source, pair.target, -number) for number, pair in enumerate(made, 1)]
    if name == TAUGHT:
        rules = rules.replaced(_LENIENT)
    left = [pair for pair in clean_pairs([*train, *own], told, rules, kind=kind) if pair.row < 0]
    for place in (found := leaks(left, held_out).tolist() if left and name == BACK else []):
        told.dropped(HELD_OUT, left[place].row, f"{left[place].source[:38]} | {left[place].target[:39]}")
    gone = set(found)
    return [made[-pair.row - 1] for place, pair in enumerate(left) if place not in gone]


def with_share(num_given: int, num_made: int, share: float, seed: int) -> IntArray:
    """Numbers of all pairs of an epoch, the given ones first and repeated until they have this share of it;
    which ones come once more than others is drawn.

    >>> with_share(2, 6, 0.5, seed=0).tolist(), with_share(2, 2, 0.5, seed=0).tolist()
    ([0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3])
    >>> len(with_share(10, 15, 0.5, seed=0))
    30
    """
    wanted = max(round(share / (1 - share) * num_made), num_given)
    times = np.full(num_given, wanted // max(num_given, 1))
    more = generator(seed, "given pairs that come again").permutation(num_given)
    times[more[: wanted - int(times.sum())]] += 1
    return np.concatenate([np.repeat(np.arange(num_given), times), num_given + np.arange(num_made)])
