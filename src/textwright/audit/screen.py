"""Phrases that go with one label more often than chance, and say nothing of what a text is about.

Shapes: N rows, G phrases, C classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from textwright.audit.phrases import Phrases, phrases, surface, tokens
from textwright.core.ragged import IntArray
from textwright.measure.discoveries import FALSE_DISCOVERIES, binomial_p, discovery_rates

Sign = Literal["start", "end", "marks", "pure", ""]
LOCKED, PURE, COVERED = 0.85, 0.95, 0.005
MIN_LIFT = 0.1
ALIKE = 0.8  # share of rows in common by which a phrase and a part of it are one
_AS_PURE = 0.1
_BRACKETS = ("()", "[]", "{}", "（）", "【】", "〔〕", "《》", "“”")
_BRACKETED = re.compile(r"[(\[{（【〔<].*[)\]}）】〕>]", re.DOTALL)
_BROKEN = re.compile(r"(?!_)[^\w\s(\[{（【〔<#@&].*|.*[^\w\s)\]}）】〕>]", re.DOTALL)
_LINK = re.compile(r"(?i)https?|www\.|\.com\b|&\w+;")


@dataclass(frozen=True)
class Candidate:
    """A phrase: in how many `rows`, how many of these have the class `of`, and what makes it suspicious.

    sign: `start` or `end` where it hardly stands anywhere else, `marks` for digits, signs, links and notes in
    brackets, `pure` for what nearly always has one label; "" for a neutral one.
    """

    phrase: str
    of: int
    rows: IntArray
    hits: int
    prior: float
    p: float
    q: float
    sign: Sign

    @property
    def purity(self) -> float:
        return self.hits / len(self.rows)


@dataclass(frozen=True)
class Screened:
    """Candidates, the surest first; neutral phrases to compare them with; and what was tested.

    Of all T phrases tested: `rows` (T,) that hold each, the class `of` (T,) it goes with most, the `share`
    (T,) of that class among them, and whether that is more than chance, `is_sure` (T,). `limit` is the
    largest p-value that still is, and `priors` (C,) the shares of classes among all rows.
    """

    candidates: list[Candidate]
    neutral: list[Candidate]
    rows: IntArray
    of: IntArray
    share: NDArray[np.float64]
    is_sure: NDArray[np.bool_]
    limit: float
    priors: NDArray[np.float64]

    @property
    def tests(self) -> int:
        return len(self.rows)


def screen(texts: Sequence[str], classes: IntArray, num_classes: int, *, ideographs: bool) -> Screened:
    """Test every phrase of N texts against the share of its label among all rows."""
    sizes, long = ((1, 2, 3, 4), range(5, 13)) if ideographs else ((1, 2, 3), range(4, 9))
    priors = np.bincount(classes, minlength=num_classes) / max(len(classes), 1)
    tables = [*phrases(tokens(texts), classes, num_classes, sizes, [*long])]
    of, p = zip(*(_tested(table, priors) for table in tables), strict=True)
    q = discovery_rates(np.concatenate(p))
    edges = np.cumsum([0, *map(len, p)])
    candidates: list[Candidate] = []
    neutral: list[Candidate] = []
    for k, table in enumerate(tables):
        own = q[edges[k] : edges[k + 1]]
        for g in range(len(table.rows)):
            purity = table.by_class[g, of[k][g]] / table.rows[g]
            is_sure = own[g] < FALSE_DISCOVERIES and purity - priors[of[k][g]] >= MIN_LIFT
            is_plain = p[k][g] > 0.5 and table.size == 1
            if not is_sure and not is_plain:
                continue
            row, place = table.sample[g].tolist()
            text = surface(texts[row], place, table.size)
            sign = _sign(text, table, g, float(purity), len(texts)) if is_sure else ""
            if is_sure and not sign:
                continue
            found = Candidate(
                text,
                int(of[k][g]),
                table.of(g),
                int(table.by_class[g, of[k][g]]),
                float(priors[of[k][g]]),
                float(p[k][g]),
                float(own[g]),
                sign,
            )
            (candidates if is_sure else neutral).append(found)
    candidates.sort(key=lambda one: (one.sign == "pure", one.p, -len(one.rows), -len(one.phrase)))
    rows, chosen = np.concatenate([table.rows for table in tables]), np.concatenate(of)
    hits = np.concatenate(
        [table.by_class[np.arange(len(one)), one] for table, one in zip(tables, of, strict=True)]
    )
    is_sure = q < FALSE_DISCOVERIES
    limit = float(np.concatenate(p)[is_sure].max(initial=FALSE_DISCOVERIES / max(len(q), 1)))
    return Screened(merged(candidates), neutral, rows, chosen, hits / rows, is_sure, limit, priors)


def _tested(table: Phrases, priors: np.ndarray) -> tuple[IntArray, np.ndarray]:
    """The class of each phrase whose share is the most over its own, and the p-value, times the classes."""
    rows = table.rows[:, None]
    spread = np.sqrt(np.maximum(priors * (1 - priors), 1e-12))
    of = ((table.by_class - rows * priors) / (np.sqrt(rows) * spread)).argmax(axis=1)
    hits = table.by_class[np.arange(len(of)), of]
    p = binomial_p(hits, table.rows, priors[of])
    return of, np.minimum(1.0, p * len(priors))


def _sign(text: str, table: Phrases, g: int, purity: float, total: int) -> Sign:
    if is_broken(text):
        return ""
    if table.first[g] >= LOCKED:
        return "start"
    if table.last[g] >= LOCKED:
        return "end"
    if is_marks(text):
        return "marks"
    return "pure" if purity >= PURE and table.rows[g] >= COVERED * total else ""


def is_marks(text: str) -> bool:
    """Whether a phrase is digits, signs, a link or a note in brackets.

    >>> [is_marks(text) for text in ("!!", "(图)", "https", "good")]
    [True, True, True, False]
    """
    return not any(c.isalpha() for c in text) or bool(_BRACKETED.fullmatch(text) or _LINK.search(text))


def is_broken(text: str) -> bool:
    """Whether a phrase is a cut that means nothing by itself: with letters, and beginning or ending with a
    sign of the sentence around it; one Han character; or half of a pair of brackets with something in it.

    >>> [is_broken(text) for text in (". sent", "sent", "(图)", "！", "端", "图)")]
    [True, False, False, False, True, True]
    """
    if len(text) > 1 and any(text.count(pair[0]) != text.count(pair[1]) for pair in _BRACKETS):
        return True
    if not any(c.isalpha() for c in text):
        return False
    return (len(text) == 1 and not text.isascii()) or bool(_BROKEN.fullmatch(text))


def merged(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate for phrases that are parts of each other: the longest where they stand in nearly the
    same rows, else the shortest where a longer one says no more of the label.
    """
    kept: list[Candidate] = []
    for one in candidates:
        for place, other in enumerate(kept):
            if _same(one, other):
                if len(one.phrase) > len(other.phrase) and one.sign == other.sign:
                    kept[place] = one
                break
        else:
            kept.append(one)
    return [one for one in kept if not any(_covers(other, one) for other in kept)]


def _covers(short: Candidate, long: Candidate) -> bool:
    return (
        len(short.phrase) < len(long.phrase)
        and short.phrase.lower() in long.phrase.lower()
        and (short.of, short.sign) == (long.of, long.sign)
        and (set(short.phrase) == set(long.phrase) or any(c.isalnum() for c in short.phrase))
        and short.purity >= long.purity - _AS_PURE
    )


def _same(one: Candidate, other: Candidate) -> bool:
    a, b = one.phrase.lower(), other.phrase.lower()
    # Two cuts out of one longer phrase overlap, and stand in the same rows.
    are_brackets = len(a) == len(b) == 1 and any(a in pair and b in pair for pair in _BRACKETS)
    if not (are_brackets or a in b or b in a or a[-2:] in b or b[-2:] in a):
        return False
    common = np.intersect1d(one.rows, other.rows, assume_unique=True).size
    return common >= ALIKE * max(len(one.rows), len(other.rows))
