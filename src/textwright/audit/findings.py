"""What an audit says: findings with their evidence, the mending of each, and the result of a check.

Sentences are English here and Chinese at the edge (`report/messages.py`). No finding holds a text: rows are
named by their numbers, and a preview is redacted by the check that makes it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from textwright.core.ragged import IntArray

Status = Literal["found", "clean", "not applicable", "too few rows"]
Severity = Literal["info", "warn", "high", "block"]
SEVERITIES: tuple[Severity, ...] = ("info", "warn", "high", "block")
Kind = Literal[
    "drop", "merge", "repair", "mask", "pseudonym", "move", "relabel", "reweigh", "augment", "mask_groups",
    "collect",
]  # fmt: skip
MAX_ROWS = 200  # of a finding, in its record; all of them stand in rows.jsonl

NO_ROWS: IntArray = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Fix:
    """What would mend a finding. `safe` is what may be done without a person: nothing meant can be lost.

    `params` are for whoever makes a patch of it: see `audit/patches`.
    """

    kind: Kind
    what: str
    safe: bool = False
    params: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "what": self.what, "safe": self.safe, "params": self.params}


@dataclass(frozen=True)
class Evidence:
    """The number behind a finding, with its interval, and the test that it passed.

    `value` is what was measured of the `n` rows in question, `baseline` what it is compared with, `effect`
    their difference (with an interval of its own where there is one). `q` is `p` after Benjamini and Hochberg
    (1995) over `tests` tests of the same family.
    """

    metric: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    effect: float | None = None
    test: str | None = None
    p: float | None = None
    q: float | None = None
    tests: int | None = None
    effect_low: float | None = None
    effect_high: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in vars(self).items()
        }


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    `title` is one English sentence; `subject` what it is about, as a person could name it again (a token, a
    group, a label, two labels, a kind of personal data; "" for the data as a whole): with the check it makes
    the `id`, the same in every audit. `rows` are positions in the data, the worst first; `previews` go with
    the first of them. `why` says what harm it does, `limits` what it does not say.
    """

    check: str
    severity: Severity
    title: str
    subject: str = ""
    evidence: Evidence | None = None
    rows: IntArray = field(default_factory=lambda: NO_ROWS)
    previews: tuple[str, ...] = ()
    why: str = ""
    limits: str = ""
    fixes: tuple[Fix, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`near_twins-1f03b2`: the check and a hash of what it is about."""
        return f"{self.check}-{hashlib.sha256(self.subject.encode()).hexdigest()[:6]}"


@dataclass(frozen=True)
class Result:
    """What a check answers.

    status: as the command-line contract names it; `why` says so where it is neither found nor clean.
    numbers: what was measured, found or not, ready for JSON; `tables` rows of dicts by name, for CSV and
    pages. `flagged` are the positions of all rows that are concerned, `subjects` all that is named.
    """

    status: Status
    why: str = ""
    findings: tuple[Finding, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        findings: tuple[Finding, ...] | list[Finding],
        numbers: dict[str, Any] | None = None,
        tables: dict[str, list[dict[str, Any]]] | None = None,
    ) -> Result:
        """Found where there is a finding, clean where not."""
        return cls("found" if findings else "clean", "", tuple(findings), numbers or {}, tables or {})

    @property
    def flagged(self) -> IntArray:
        parts = [NO_ROWS, *(finding.rows for finding in self.findings)]
        return np.unique(np.concatenate(parts)).astype(np.int64)

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset(finding.subject for finding in self.findings)


def not_applicable(why: str) -> Result:
    """The check cannot say anything of these data; `why` is one sentence."""
    return Result("not applicable", why)


def too_few(why: str) -> Result:
    """There are too few rows to say; `why` says how many more it takes."""
    return Result("too few rows", why)
