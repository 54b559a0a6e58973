"""Whether a phrase alone turns the answers of a classifier: it is put into rows of other classes.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from textwright.audit.shared import MAX_LEARNED
from textwright.audit.subject import AuditData, FloatArray
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import wilson
from textwright.tasks.quick import quick_classifier

TIMES, FLOOR = 3.0, 0.02
TRIED, TRIED_NEUTRAL = 400, 200


@dataclass(frozen=True)
class Asked:
    """Who is asked, the rows (N,) that it did not learn from, their classes, and what it answers to them."""

    answers: Callable[[Sequence[str]], FloatArray]
    texts: list[str]
    classes: IntArray
    before: IntArray
    column: dict[int, int]
    asked_before: dict[tuple[str, bool], IntArray] = field(default_factory=dict)

    def predicted(self, texts: list[str]) -> IntArray:
        """The likeliest class of each text, as a column of the answers."""
        found: IntArray = np.asarray(self.answers(texts)).argmax(axis=1)
        return found

    def with_neutral(self, term: str, *, at_start: bool, spaced: bool) -> IntArray:
        """What is answered to the first rows with a neutral phrase in them; asked once."""
        key = (term, at_start)
        if key not in self.asked_before:
            some = self.texts[:TRIED_NEUTRAL]
            new = [with_phrase(text, term, at_start=at_start, spaced=spaced) for text in some]
            self.asked_before[key] = self.predicted(new)
        return self.asked_before[key]


@dataclass(frozen=True)
class Flips:
    """How many of the rows turned to the class of the phrase, and the mean share for neutral phrases."""

    flipped: int
    tried: int
    neutral: float

    @property
    def share(self) -> float:
        return self.flipped / max(self.tried, 1)

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.flipped, self.tried)

    @property
    def turns(self) -> bool:
        """Far more rows than a neutral phrase turns, and some."""
        return self.share >= FLOOR and self.interval[0] > TIMES * self.neutral


def asked(data: AuditData, rows: IntArray) -> Asked:
    """The model that is audited, else a bag of words that learned from most of the rows, drawn at random.

    At least 400 rows of each class are kept to be asked about, as far as a third of all rows has them.
    """
    names, classes = data.label_names, data.label_ids[rows]
    order = generator(data.seed, "shortcuts", "halves").permutation(len(rows))
    kept = max(len(rows) // 5, min(len(rows) // 3, TRIED * len(names)))
    held, learned = order[:kept], order[kept:][:MAX_LEARNED]
    if data.model is not None:
        answers: Callable[[Sequence[str]], FloatArray] = data.model.probabilities
        places = [*data.model.labels]
        column = {k: places.index(name) for k, name in enumerate(names) if name in places}
    else:
        texts = [data.texts[i] for i in rows[learned].tolist()]
        answers = quick_classifier(texts, classes[learned], names, data.seed)
        column = {k: k for k in range(len(names))}
    held = held[: 20 * TRIED]
    texts = [data.texts[i] for i in rows[held].tolist()]
    return Asked(answers, texts, classes[held], np.asarray(answers(texts)).argmax(axis=1), column)


def with_phrase(text: str, phrase: str, *, at_start: bool, spaced: bool) -> str:
    """A text with a phrase put before or behind it."""
    gap = " " if spaced else ""
    return f"{phrase}{gap}{text}" if at_start else f"{text}{gap}{phrase}"


def flips(who: Asked, phrase: str, neutral: Sequence[str], of: int, *, at_start: bool, spaced: bool) -> Flips:
    """Put a phrase of class `of` into rows of other classes that are not taken for that class yet."""
    if of not in who.column:
        return Flips(0, 0, 0.0)
    wanted = who.column[of]
    free = np.flatnonzero((who.classes != of) & (who.before != wanted))
    rows = [i for i in free.tolist() if phrase.lower() not in who.texts[i].lower()][:TRIED]

    new = [with_phrase(who.texts[i], phrase, at_start=at_start, spaced=spaced) for i in rows]
    turned = int(np.count_nonzero(who.predicted(new) == wanted)) if rows else 0
    few = free[free < TRIED_NEUTRAL]
    after = [who.with_neutral(term, at_start=at_start, spaced=spaced)[few] for term in neutral]
    others = int(sum(np.count_nonzero(found == wanted) for found in after))
    return Flips(turned, len(rows), others / max(len(few) * len(neutral), 1))
