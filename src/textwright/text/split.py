"""Rows into train, validation and test: stratified, repeatable, and never with twins on both sides.

Shapes: N rows, S strata, G groups; the parts held out are in the order test, validation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import ConfigError
from textwright.core.ragged import IntArray
from textwright.core.seeds import derive, generator
from textwright.text.clean import fold

FloatArray = NDArray[np.floating]
Mask = NDArray[np.bool_]
TRAIN, TEST, VALIDATION = -1, 0, 1
# New rows to choose on; fewer say nothing, and rows that were learned from say a little.
_LEAST_NEW = 10


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts: sorted, disjoint, together all rows."""

    train: IntArray
    validation: IntArray
    test: IntArray


def split_rows(
    strata: IntArray | None, groups: IntArray, *, validation: float, test: float, seed: int
) -> Split:
    """Split N rows so that each stratum (N,) keeps its shares and each group (N,) stays whole.

    A stratum is a class id, or the bin of a graded score; None means that there are none. A group is what
    must not be torn apart, as `Twins.group`. Of each stratum one group, drawn at random, stays in train; so a
    stratum with a single group is not held out. Rows without twins meet the shares within one row in each
    stratum, and within rounding in all when no stratum is too small to give; groups come as near as their
    sizes allow. A share of 0 gives an empty part, any other share at least one group while train keeps one of
    each stratum. The result depends on the arguments alone. Raises ConfigError for shares that are negative
    or leave nothing to train on.

    >>> import numpy as np
    >>> parts = split_rows(np.repeat([0, 1], 10), np.arange(20), validation=0.2, test=0.1, seed=1)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (14, 4, 2)
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise ConfigError(
            f"shares of {validation:g} for validation and {test:g} for test leave no sound part to train on",
            hint="Choose shares from 0 that add up to less than 1.",
        )
    if not len(groups):
        return Split(*(np.zeros(0, np.int64),) * 3)
    stratum = np.unique(np.zeros(len(groups)) if strata is None else strata, return_inverse=True)[1]
    group = np.unique(groups, return_inverse=True)[1]
    part = _assign(stratum, group, np.array([test, validation]), seed)[group]
    return Split(*(np.flatnonzero(part == name) for name in (TRAIN, VALIDATION, TEST)))


def fold_rows(strata: IntArray | None, groups: IntArray, *, folds: int, seed: int) -> IntArray:
    """Number the fold of each of N rows, 0 ... folds - 1: of like size, strata spread, groups whole.

    Strata (N,) and groups (N,) are those of `split_rows`. A stratum with fewer groups than folds is missing
    in some of them.

    >>> import numpy as np
    >>> found = fold_rows(np.repeat([0, 1], 10), np.arange(20), folds=5, seed=1)
    >>> np.bincount(found).tolist(), np.bincount(found[:10]).tolist()
    ([4, 4, 4, 4, 4], [2, 2, 2, 2, 2])
    """
    found, left = np.zeros(len(groups), np.int64), np.arange(len(groups))
    for number in range(folds - 1):
        of = None if strata is None else strata[left]
        share = 1 / (folds - number)
        parts = split_rows(of, groups[left], validation=share, test=0.0, seed=derive(seed, "fold", number))
        found[left[parts.validation]] = number
        left = left[parts.train]
    found[left] = folds - 1
    return found


def split_again(
    strata: IntArray | None,
    groups: IntArray,
    *,
    locked: Mask,
    learned: Mask,
    validation: float,
    test: float,
    seed: int,
) -> Split:
    """Split N rows for a model that was made from some of them: as `split_rows`, but its past binds.

    `locked` rows (N,) stay in test, and with them the rest of their groups. Rows that it has `learned` from
    (N,) stay in train, and so does the rest of their groups; a row that is both is no test any more. Only the
    others are news, and keep the shares. Where they leave next to nothing to choose on, validation is of
    rows that were learned from.
    """
    is_test = np.isin(groups, groups[locked & ~learned]) & ~learned
    is_old = (learned | np.isin(groups, groups[learned])) & ~is_test

    def cut(rows: IntArray, validation: float, test: float) -> list[IntArray]:
        of = None if strata is None else strata[rows]
        parts = split_rows(of, groups[rows], validation=validation, test=test, seed=seed)
        return [rows[part] for part in (parts.train, parts.validation, parts.test)]

    train, chosen_on, tested = cut(np.flatnonzero(~is_test & ~is_old), validation, test)
    old = cut(np.flatnonzero(is_old), validation if len(chosen_on) < _LEAST_NEW else 0.0, 0.0)
    if len(old[1]):
        train, chosen_on = np.concatenate([train, chosen_on]), old[1]
    parts = np.concatenate([train, old[0]]), chosen_on, np.concatenate([np.flatnonzero(is_test), tested])
    return Split(*map(np.sort, parts))


def row_hashes(texts: Sequence[str]) -> list[str]:
    """Name each text by 16 hex digits that exact twins share: BLAKE2b over `fold`, so that no text is stored.

    >>> row_hashes(["Hello!"]) == row_hashes([" hello"]), len(row_hashes(["你好"])[0])
    (True, 16)
    """
    folded = (fold(text).encode("utf-8", "surrogatepass") for text in texts)
    return [hashlib.blake2b(data, digest_size=8).hexdigest() for data in folded]


def _assign(stratum: IntArray, group: IntArray, shares: FloatArray, seed: int) -> IntArray:
    """The part of each group (G,)."""
    random = generator(seed, "split")
    sizes = np.bincount(group)
    num_strata = int(stratum.max()) + 1
    home = stratum[np.unique(group, return_index=True)[1]]  # a group of mixed labels goes by its first row
    rank = random.permutation(len(sizes))
    is_kept = _kept_in_train(stratum, group, rank)
    free = stratum[~is_kept[group]]
    targets = _targets(np.bincount(stratum), np.bincount(free, minlength=num_strata), shares, random)

    order = np.argsort(rank)
    order = order[~is_kept[order]]
    larger, singles = order[sizes[order] > 1], order[sizes[order] == 1]
    singles = singles[np.argsort(home[singles], kind="stable")]
    rows = np.bincount(home[larger], weights=sizes[larger], minlength=num_strata)
    # Larger groups give a part its share of their rows, or what the single rows cannot fill.
    quota = np.maximum(shares[:, None] * rows, targets - np.bincount(home[singles], minlength=num_strata))
    part = np.full(len(sizes), TRAIN)
    part[larger] = _place_larger(sizes[larger], home[larger], quota)
    taken = [np.bincount(stratum[part[group] == p], minlength=num_strata) for p in (TEST, VALIDATION)]
    part[singles] = _place_singles(home[singles], np.maximum(targets - taken, 0))
    for p in np.flatnonzero(shares > 0):
        left = np.flatnonzero((part == TRAIN) & ~is_kept)
        if len(left) and not (part == p).any():
            part[left[np.argmin(sizes[left])]] = p  # none fitted: the smallest is better than an empty part
    return part


def _kept_in_train(stratum: IntArray, group: IntArray, rank: IntArray) -> Mask:
    """Mark (G,) the group that each stratum keeps in train: its first by rank."""
    order = np.lexsort((rank[group], stratum))
    first = np.unique(stratum[order], return_index=True)[1]
    is_kept = np.zeros(len(rank), np.bool_)
    is_kept[group[order[first]]] = True
    return is_kept


def _targets(counts: IntArray, free: IntArray, shares: FloatArray, random: np.random.Generator) -> IntArray:
    """Rows wanted in each held-out part of each stratum (2, S): its share rounded down or up, right in total.

    `counts` and `free` (S,) are the rows of a stratum, and those that train need not keep.
    """
    wanted = shares[:, None] * counts
    targets: IntArray = np.floor(wanted + 1e-9).astype(np.int64)
    targets[TEST] = np.minimum(targets[TEST], free)
    targets[VALIDATION] = np.minimum(targets[VALIDATION], free - targets[TEST])
    for p in np.flatnonzero(shares > 0):
        missing = max(round(shares[p] * counts.sum()), 1) - targets[p].sum()
        # The largest remainders are rounded up, equal ones by lot, where there is a row to give.
        remainder = np.round(wanted[p] - targets[p], 9)
        order = np.lexsort((random.permutation(len(counts)), -remainder))
        order = order[(targets.sum(axis=0) < free)[order]]
        targets[p, order[: max(missing, 0)]] += 1
    return targets


def _place_larger(sizes: IntArray, home: IntArray, quota: FloatArray) -> list[int]:
    """The part of groups of several rows: held out where that comes nearer to the quota (2, S)."""
    parts, left = [], quota.tolist()
    for size, stratum in zip(sizes.tolist(), home.tolist(), strict=True):
        part = TEST if left[TEST][stratum] >= left[VALIDATION][stratum] else VALIDATION
        if size <= 2 * left[part][stratum]:
            left[part][stratum] -= size
            parts.append(part)
        else:
            parts.append(TRAIN)
    return parts


def _place_singles(home: IntArray, needed: IntArray) -> IntArray:
    """The part of groups of one row, sorted by stratum: exactly as many held out as are needed (2, S)."""
    counts = np.bincount(home, minlength=needed.shape[1])
    place = np.arange(len(home)) - np.repeat(np.cumsum(counts) - counts, counts)
    test, both = needed[TEST][home], needed.sum(axis=0)[home]
    parts: IntArray = np.where(place < test, TEST, np.where(place < both, VALIDATION, TRAIN))
    return parts
