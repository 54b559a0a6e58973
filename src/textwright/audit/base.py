"""What a check is: a small module that runs on data, and plants its own fault to prove that it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from textwright.audit.findings import NO_ROWS, Result, not_applicable
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator

Family = Literal["twins", "labels", "text", "personal", "groups", "shortcuts", "origin", "pairs", "model"]
Need = Literal["labels", "parts", "annotators", "origins", "groups", "order", "model"]
LABELLED = frozenset({"classify", "multilabel"})
PAIRED = frozenset({"translate", "summarize"})
_LONG = 30  # characters
ANY_TASK = frozenset({"classify", "multilabel", "score", "translate", "summarize", "text"})


@dataclass(frozen=True)
class Planted:
    """Data with a fault in it, and the truth: which rows have it, or which subjects must be named.

    Of a check that finds rows `rows` are the positions that a right check flags and `also` others that may be
    flagged without being a false alarm (the other half of a twin); of one that finds subjects, `subjects` are
    those that must be among the findings.
    """

    data: AuditData
    rows: IntArray = field(default_factory=lambda: NO_ROWS)
    also: IntArray = field(default_factory=lambda: NO_ROWS)
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Targets:
    """What the self-test asks of a check: docs/trust.md. None where the number does not exist for it."""

    recall: float | None = 0.95
    precision: float | None = None
    false_alarms: float = 0.09


@dataclass(frozen=True)
class Check:
    """One check.

    id, family, says: its name, what it belongs to, and a line on what it finds.
    about: `data`, or the answers of a `model` to them.
    tasks, languages, needs: where it applies. Languages are codes; empty means any.
    cost: `fast` checks are read off the rows; `slow` ones fit something.
    run: the check itself. What does not apply is answered by `not_applicable`, never by a number.
    plant: (data, rate, seed) puts the fault into a copy of clean data; a rate is a share of the rows, or the
    size of the effect where the check says so.
    null: (data, seed) makes data without the fault, of these: shuffled labels, halves of rows that are no
    twins. Any finding there is a false alarm.
    rates: the two rates of the self-test.
    """

    id: str
    family: Family
    says: str
    run: Callable[[AuditData], Result]
    plant: Callable[[AuditData, float, int], Planted]
    null: Callable[[AuditData, int], AuditData]
    about: Literal["data", "model"] = "data"
    tasks: frozenset[str] = ANY_TASK
    languages: frozenset[str] = frozenset()
    needs: frozenset[Need] = frozenset()
    cost: Literal["fast", "slow"] = "fast"
    rates: tuple[float, float] = (0.01, 0.05)
    targets: Targets = field(default_factory=Targets)

    def __call__(self, data: AuditData) -> Result:
        """Run it, or say why it does not apply."""
        lacking = self.lacking(data)
        return not_applicable(lacking) if lacking else self.run(data)

    def lacking(self, data: AuditData) -> str:
        """Why it does not apply to these data, in one sentence; empty where it does."""
        if data.task not in self.tasks:
            return f"it is not for the task {data.task}"
        if self.languages and data.language not in self.languages:
            return f"it does not know the language of these texts ({data.language})"
        for need in sorted(self.needs):
            if not data.has(need):
                return LACKING[need]
        return ""


LACKING: dict[str, str] = {
    "labels": "there are no labels",
    "parts": "there is only one part: give --test FILE, or name the column of parts with --set split=COL",
    "annotators": "no columns of single annotators are named: --set annotators=[COL,COL]",
    "origins": "no column says where a row comes from: --set origin=COL or --set licence=COL",
    "groups": "no groups are named: --set groups=lexicon:en, lexicon:zh, a column or a file",
    "order": "the order of the rows says nothing here",
    "model": "there is no model to ask",
}


def shuffled_labels(data: AuditData, seed: int) -> AuditData:
    """The same texts with labels that say nothing about them."""
    order = generator(seed, "audit", "null").permutation(len(data)).tolist()
    return data.relabelled([data.labels[i] for i in order])


def units(text: str, language: str) -> tuple[list[str], str]:
    """The words of a text, of Chinese its characters, and what stands between two of them.

    >>> units("to be", "en"), units("很好", "zh")
    ((['to', 'be'], ' '), (['很', '好'], ''))
    """
    return ([*text], "") if language == "zh" else (text.split(" "), " ")


def drawn(data: AuditData, rate: float, seed: int, *what: str) -> IntArray:
    """Positions of a share of the rows, at least one, drawn at random and sorted."""
    rng = generator(seed, "audit", "plant", *what)
    size = min(max(1, round(rate * len(data))), len(data))
    found: IntArray = rng.choice(len(data), size, replace=False)
    found.sort()
    return found


def drawn_long(data: AuditData, rate: float, rng: np.random.Generator) -> IntArray:
    """Positions of a share of the rows, among those with 30 characters and more; at least one, if any."""
    places = np.array([row for row, text in enumerate(data.folded) if len(text) >= _LONG], np.int64)
    size = min(max(1, round(rate * len(data))), len(places))
    found: IntArray = np.sort(rng.choice(places, size, replace=False)) if len(places) else places
    return found
