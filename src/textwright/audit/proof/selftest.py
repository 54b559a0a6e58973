"""`audit selftest`: every check against its own fault, and against data in which there is nothing to find.

For each check, language, rate and seed the fault is planted in clean data and the check runs: recall and
precision are of all these runs together. Null controls are data without the fault: any finding there is a
false alarm. Figures of the packaged sets travel with every finding; a check whose null control fails is
switched off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textwright.audit.base import Check, Planted
from textwright.audit.findings import Result
from textwright.audit.proof.made import clean_for, languages_of
from textwright.audit.reading import read_audited
from textwright.audit.registry import CHECKS
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData
from textwright.core.errors import AuditError
from textwright.core.records import Note, Score
from textwright.core.seeds import derive, generator
from textwright.measure.bootstrap import rows_score

OWN = "own data"
MAX_ROWS, NULLS, SEEDS = 5_000, 10, 3
Say = Callable[[Note], None]


@dataclass(frozen=True)
class Proof:
    """What one check showed on one set: `made` English or Chinese texts, or a person's own rows.

    `recall` is of what was planted, `precision` of what was flagged (None where more than the fault may be
    right), `false_alarms` of the null controls. Each is a share with Wilson's interval.
    """

    check: str
    on: str
    rate: float
    runs: int
    recall: Score | None
    precision: Score | None
    false_alarms: Score
    why: str = ""
    targets: dict[str, float | None] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Nothing falls short of its target, and its null controls are quiet."""
        short = [
            score is not None and wanted is not None and score.value < wanted
            for score, wanted in (
                (self.recall, self.targets["recall"]),
                (self.precision, self.targets["precision"]),
            )
        ]
        return not any(short) and not self.is_noisy

    @property
    def is_noisy(self) -> bool:
        """Whether its null controls show more false alarms than are allowed, surely."""
        return self.false_alarms.low > float(self.targets["false_alarms"] or 0)

    def to_json(self) -> dict[str, Any]:
        def share(score: Score | None) -> float | None:
            return None if score is None else score.value

        def ends(score: Score | None) -> list[float] | None:
            return None if score is None else [score.low, score.high]

        return {
            "check": self.check,
            "fault": f"{self.on}, rate {self.rate:g}",
            "on": self.on,
            "rate": self.rate,
            "recall": share(self.recall),
            "recall_interval": ends(self.recall),
            "precision": share(self.precision),
            "precision_interval": ends(self.precision),
            "false_alarm_rate": self.false_alarms.value,
            "false_alarm_interval": ends(self.false_alarms),
            "nulls": self.false_alarms.n,
            "runs": self.runs,
            "targets": self.targets,
            "passed": self.passed,
        }


@dataclass(frozen=True)
class SelfTest:
    """All proofs, and what was not tried with the reason."""

    proofs: list[Proof]
    skipped: dict[str, str]
    seconds: float

    @property
    def passed(self) -> bool:
        return all(proof.passed for proof in self.proofs)

    def to_json(self) -> dict[str, Any]:
        return {
            "checks": [proof.to_json() for proof in self.proofs],
            "skipped": [{"check": name, "why": why} for name, why in self.skipped.items()],
            "passed": self.passed,
            "seconds": round(self.seconds, 2),
        }


def selftest(
    data: str | Path | None = None,
    settings: AuditSettings | None = None,
    *,
    seeds: int = SEEDS,
    nulls: int = NULLS,
    say: Say = lambda note: None,
) -> SelfTest:
    """Prove the checks on made English and Chinese texts, or on at most 5,000 rows of a person's own file.

    Raises TextwrightError where the file cannot be read or a check is unknown.

    >>> import textwright.audit  # doctest: +SKIP
    >>> textwright.audit.selftest("reviews.csv").passed  # doctest: +SKIP
    True
    """
    started = time.monotonic()
    settings = settings or AuditSettings()
    own = None if data is None else _sample(read_audited([data], settings).data)
    proofs: list[Proof] = []
    skipped: dict[str, str] = {}
    for check in _asked(settings):
        for on, clean in _sets(check, own):
            proved = list(prove(check, on, clean, seeds=seeds, nulls=nulls, seed=settings.seed))
            proofs += [proof for proof in proved if not proof.why]
            for proof in proved:
                if proof.why:
                    skipped[check.id] = proof.why
                elif proof.is_noisy:
                    say(Note(f"{check.id} is switched off: it finds faults where there are none", "warning"))
    if not proofs:
        raise AuditError("none of these checks applies to these data", hint="See textwright audit list.")
    return SelfTest(proofs, skipped, time.monotonic() - started)


def prove(
    check: Check, on: str, clean: Callable[[int], AuditData], *, seeds: int, nulls: int, seed: int = 0
) -> Iterator[Proof]:
    """One proof a rate; `clean` makes the rows of a seed."""
    lacking = _lacking(check, clean(seed))
    if lacking:
        yield Proof(check.id, on, 0.0, 0, None, None, rows_score(0, 1), lacking)
        return
    alarms = sum(
        check(check.null(clean(derive(seed, "null", n)), derive(seed, "null", n))).status == "found"
        for n in range(nulls)
    )
    for rate in check.rates:
        counts = np.zeros(4, np.int64)
        for n in range(seeds):
            own = derive(seed, "plant", n)
            planted = check.plant(check.null(clean(own), own), rate, own)
            counts += np.array(_counts(planted, check(planted.data)))
        hits, wanted, right, flagged = counts.tolist()
        targets = vars(check.targets)
        yield Proof(
            check.id,
            on,
            rate,
            seeds,
            rows_score(hits, wanted, "higher") if wanted and targets["recall"] is not None else None,
            rows_score(right, flagged, "higher") if flagged and targets["precision"] is not None else None,
            rows_score(alarms, nulls),
            targets=targets,
        )


def _counts(planted: Planted, result: Result) -> tuple[int, int, int, int]:
    """Planted and found, planted, flagged and planted, flagged."""
    if planted.subjects:
        both = len(planted.subjects & result.subjects)
        return both, len(planted.subjects), both, len(result.subjects)
    flagged = np.setdiff1d(result.flagged, planted.also)
    found = np.intersect1d(result.flagged, planted.rows)
    right = np.intersect1d(flagged, planted.rows)
    return len(found), len(planted.rows), len(right), len(flagged)


def _lacking(check: Check, data: AuditData) -> str:
    """Why a check cannot be tried on these rows; what its plant brings along is not asked for."""
    if data.task not in check.tasks:
        return f"it is not for the task {data.task}"
    if check.languages and data.language not in check.languages:
        return f"it does not know the language of these texts ({data.language})"
    return "there are no labels" if "labels" in check.needs and not data.has("labels") else ""


def _sets(check: Check, own: AuditData | None) -> Iterator[tuple[str, Callable[[int], AuditData]]]:
    if own is not None:
        yield OWN, lambda seed: own
        return
    for language in languages_of(check):
        yield language, lambda seed, language=language: clean_for(check, language, seed=seed)  # type: ignore[misc]


def _asked(settings: AuditSettings) -> list[Check]:
    names = settings.checks.split(",") if isinstance(settings.checks, str) else settings.checks
    if [*names] in (["all"], ["fast"]):
        every = [CHECKS.get(name) for name in CHECKS]
        return [check for check in every if names[0] == "all" or check.cost == "fast"]
    return [CHECKS.get(name.strip()) for name in names]


def _sample(data: AuditData) -> AuditData:
    if len(data) <= MAX_ROWS:
        return data
    rows = generator(data.seed, "audit", "selftest").choice(len(data), MAX_ROWS, replace=False)
    return data.taken(np.sort(rows))
