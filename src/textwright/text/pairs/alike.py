"""Pairs that share a side with others: kept together when a set is split, and found when they leak.

A side is shared when the texts are twins: equal after `fold`, or nearly equal. A pair may share its source
with one pair and its target with another, so both sides are looked at, each by itself.

Shapes: N pairs, of which T to train on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textwright.core.errors import DataError
from textwright.core.ragged import IntArray
from textwright.text.clean import fold
from textwright.text.duplicates import BoolArray, Twins, components, find_twins
from textwright.text.pairs.checking import Told
from textwright.text.pairs.reading import Pair
from textwright.text.split import split_rows

THRESHOLD = 0.8  # the similarity of near twins


@dataclass(frozen=True)
class Leaks:
    """What a part to train on shares with a part that is held out.

    rows: places in `train`, rising, of the pairs that share a side. num_source, num_target: pairs whose
    source (target) is held out, to the letter or nearly; num_pairs: those of both. num_near: pairs of which
    no side is held out to the letter. num_held_out: held-out pairs that share a side with one to train on.
    """

    rows: IntArray
    num_source: int
    num_target: int
    num_pairs: int
    num_near: int
    num_held_out: int


def groups_of(pairs: Sequence[Pair], *, threshold: float = THRESHOLD) -> IntArray:
    """For each of N pairs the smallest place in its group (N,): pairs of one group belong in one part.

    Pairs are in one group when their sources or their targets are twins, directly or by way of other pairs.

    >>> groups_of([Pair("Hi.", "你好", 1), Pair("Hello!", "你好。", 2), Pair("Bye.", "再见", 3)]).tolist()
    [0, 0, 2]
    """
    sides = [pair.source for pair in pairs], [pair.target for pair in pairs]
    links = [find_twins(texts, threshold=threshold).links for texts in sides]
    return components(len(pairs), np.concatenate(links))


def held_out(pairs: Sequence[Pair], share: float, seed: int, told: Told | None = None) -> BoolArray:
    """Which of N pairs (N,) are held out: about a share of them, whole groups, at least one pair.

    Where near twins tie all pairs into one group, only those that are equal to the letter are kept together,
    which is said in `told`. Raises DataError where even these are one group.

    >>> pairs = [Pair(f"{n} is here", f"有{n}", n) for n in ("one", "two", "three", "four", "five", "six")]
    >>> int(held_out(pairs, 0.3, seed=0).sum())
    2
    """
    for threshold in (THRESHOLD, 1.0):
        groups = groups_of(pairs, threshold=threshold)
        found = split_rows(None, groups, validation=share, test=0.0, seed=seed).validation
        if not len(found):
            continue
        if threshold == 1.0 and told is not None:
            told.warn(
                f"{len(pairs):,} pairs are near twins of each other that cannot be kept on one side; only "
                "equal sides are, so the scores are too good for new texts"
            )
        mask = np.zeros(len(pairs), np.bool_)
        mask[found] = True
        return mask
    raise DataError(
        f"all {len(pairs):,} pairs share a side with another, so none can be held out",
        hint="Add pairs of other texts.",
    )


def leaks(train: Sequence[Pair], held_out: Sequence[Pair], *, threshold: float = THRESHOLD) -> IntArray:
    """Places in `train`, rising, of the pairs whose source or target is held out, to the letter or nearly.

    >>> leaks([Pair("Hi.", "嗨", 1), Pair("Bye.", "再见", 2)], [Pair("hi", "你好", 1)]).tolist()
    [0]
    """
    return find_leaks(train, held_out, threshold=threshold).rows


def find_leaks(train: Sequence[Pair], held_out: Sequence[Pair], *, threshold: float = THRESHOLD) -> Leaks:
    """The same with the counts for a report.

    >>> find_leaks([Pair("Hi.", "嗨", 1), Pair("Bye.", "再见", 2)], [Pair("hi", "你好", 1)]).num_source
    1
    """
    sides = [
        _shared([side(p) for p in train], [side(p) for p in held_out], threshold)
        for side in (_source, _target)
    ]
    (source, exact_source, held_source), (target, exact_target, held_target) = sides
    found = source | target
    return Leaks(
        rows=np.flatnonzero(found),
        num_source=int(source.sum()),
        num_target=int(target.sum()),
        num_pairs=int((source & target).sum()),
        num_near=int((found & ~(exact_source | exact_target)).sum()),
        num_held_out=int((held_source | held_target).sum()),
    )


def _source(pair: Pair) -> str:
    return pair.source


def _target(pair: Pair) -> str:
    return pair.target


def _shared(
    train: list[str], held_out: list[str], threshold: float
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Texts to train on (T,) that are twins of held-out ones, those that equal one, and the held-out ones."""
    twins = find_twins([*train, *held_out], threshold=threshold)
    ours, theirs = np.split(_across(twins, len(train)), [len(train)])
    known = {fold(text) for text in held_out}
    exact = np.array([fold(text) in known for text in train], dtype=np.bool_)
    return ours | exact, exact, theirs


def _across(twins: Twins, num_first: int) -> BoolArray:
    """Rows whose group has rows before and from `num_first` on."""
    num_rows = len(twins.group)
    before = np.bincount(twins.group[:num_first], minlength=num_rows) > 0
    after = np.bincount(twins.group[num_first:], minlength=num_rows) > 0
    across: BoolArray = (before & after)[twins.group]
    return across
