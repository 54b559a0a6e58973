"""Phrases that give the label away without saying what the text is about: a signature, a tag, a source.

In stages, since every word of a topic goes with its label: an exact test of each phrase (Gardner et al. 2021,
arXiv:2104.08646, with Benjamini and Hochberg 1995), then only those that say nothing, then whether one of
them alone turns the answers of a classifier, and last what a person said of it before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from textwright.audit.base import Check, Planted, shuffled_labels, units
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity, not_applicable, too_few
from textwright.audit.flips import Flips, asked, flips
from textwright.audit.screen import Candidate, Screened, screen
from textwright.audit.screened import drawn_screen
from textwright.audit.shared import labelled
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator

MIN_ROWS, MAX_ROWS, MAX_CHARS = 200, 100_000, 20_000_000
SHOWN, NEUTRAL = 25, 20
HIGH = 0.1
_PRIVATE = re.compile(r"@|\d{7,}")
_TAGS = {"en": ("sent from my telephone", "[photo]"), "zh": ("发自手机用户端", "【图】")}


def run(data: AuditData) -> Result:
    rows = _limited(data, labelled(data))
    if len(rows) < MIN_ROWS:
        return too_few(f"{len(rows):,} rows have a text and one label: it takes {MIN_ROWS}")
    if len(np.unique(data.label_ids[rows])) < 2:
        return not_applicable("all rows have the same label")
    texts = [data.texts[i] for i in rows.tolist()]
    ideographs = data.language in ("zh", "ja")
    found = screen(texts, data.label_ids[rows], len(data.label_names), ideographs=ideographs)
    numbers = {
        "rows": len(rows),
        "phrases_tested": found.tests,
        "significant": int(found.is_sure.sum()),
        "candidates": len(found.candidates),
    }
    if not found.candidates:
        return Result.of([], numbers)
    who = asked(data, rows)
    findings, table = [], []
    for one in found.candidates[:SHOWN]:
        tried = flips(
            who, one.phrase, _neutral(found, one), one.of, at_start=one.sign == "start", spaced=not ideographs
        )
        verdict = data.judged.get(("shortcuts", one.phrase), "")
        is_found = one.sign != "pure" and tried.turns and verdict != "legitimate"
        table.append({**_row(one, tried, data.label_names, verdict), "found": is_found})
        if is_found:
            findings.append(_finding(one, tried, data, rows, found.tests))
    turning = [row["label"] for row in table if row["found"]]
    findings.sort(key=lambda finding: -(finding.evidence.value if finding.evidence else 0.0))
    return Result.of(
        findings, numbers, {"candidates": table, **drawn_screen(found, data.label_names, turning)}
    )


def _limited(data: AuditData, rows: IntArray) -> IntArray:
    """No more rows and characters than a minute is enough for, drawn at random."""
    total = sum(len(data.texts[i]) for i in rows.tolist())
    most = min(MAX_ROWS, int(len(rows) * min(1.0, MAX_CHARS / max(total, 1))))
    if len(rows) <= most:
        return rows
    kept: IntArray = np.sort(generator(data.seed, "shortcuts", "rows").choice(rows, most, replace=False))
    return kept


def _neutral(found: Screened, one: Candidate) -> list[str]:
    """Words that go with no label, as frequent as the candidate."""

    def apart(other: Candidate) -> float:
        return abs(math.log(len(other.rows) / len(one.rows)))

    near = sorted(found.neutral, key=lambda other: (apart(other), other.phrase))
    return [other.phrase for other in near[:NEUTRAL]]


def _row(one: Candidate, tried: Flips, names: Sequence[str], verdict: str) -> dict[str, Any]:
    low, high = tried.interval
    return {
        "name": shown(one.phrase),
        "label": names[one.of],
        "value": round(tried.share, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "neutral": round(tried.neutral, 4),
        "rows": len(one.rows),
        "purity": round(one.purity, 4),
        "expected": round(one.prior, 4),
        "q": one.q,
        "sign": one.sign,
        "verdict": verdict,
    }


def shown(phrase: str) -> str:
    """A phrase as it may be shown: what may be an address or a long number is not.

    >>> shown("sent from my tablet"), shown("tel 5550142000")
    ('sent from my tablet', '•••')
    """
    return "•••" if _PRIVATE.search(phrase) else phrase


def _finding(one: Candidate, tried: Flips, data: AuditData, rows: IntArray, tests: int) -> Finding:
    severity: Severity = "high" if tried.share >= HIGH else "warn"
    if len(one.phrase.strip()) == 1:  # a single sign, as a question mark, is mostly how people write
        severity = "info"
    label = data.label_names[one.of]
    low, high = tried.interval
    return Finding(
        "shortcuts",
        severity,
        f'"{shown(one.phrase)}" gives {label} away: {one.purity:.0%} of its {len(one.rows):,} rows, where '
        f"{one.prior:.0%} were expected; put into rows of other labels it turns {tried.share:.1%} of them",
        subject=shown(one.phrase),
        evidence=Evidence(
            "flips",
            tried.share,
            tried.tried,
            low,
            high,
            baseline=tried.neutral,
            effect=tried.share - tried.neutral,
            test="exact binomial",
            p=one.p,
            q=one.q,
            tests=tests,
        ),
        rows=rows[one.rows],
        why="a model learns it instead of what the text says, and is wrong once it is missing or forged",
        limits="a person must say whether it is part of what the text says: if so, remember it as legitimate",
        fixes=(
            Fix(
                "mask",
                "take it out of the texts, or have it in rows of every label",
                params={"terms": [shown(one.phrase)]},
            ),
        ),
        details={"label": label, "purity": one.purity, "sign": one.sign},
    )


def plant(data: AuditData, rate: float, seed: int, *, purity: float = 0.95) -> Planted:
    """A signature at the end of a share of the rows, and a note in brackets at a random place of as many; in
    nineteen of twenty rows of one label, or what `purity` says. Fewer than 40 rows are too few to learn from.
    """
    rng = generator(seed, "shortcuts", "plant")
    tags = _TAGS["zh" if data.language == "zh" else "en"]
    label = data.label_names[int(rng.integers(len(data.label_names)))]
    own = rng.permutation([i for i, labels in enumerate(data.labels) if labels == (label,)])
    other = rng.permutation([i for i, labels in enumerate(data.labels) if labels and labels != (label,)])
    each = max(40, round(rate * len(data)))
    texts: dict[int, str] = {}
    for k, tag in enumerate(tags):
        hits = round(purity * each)
        chosen = [*own[k * hits : (k + 1) * hits], *other[k * (each - hits) : (k + 1) * (each - hits)]]
        for i in map(int, chosen):
            texts[i] = _placed(data.texts[i], tag, data.language, at_end=k == 0, rng=rng)
    return Planted(
        data.with_texts(texts), rows=np.sort(np.array([*texts], np.int64)), subjects=frozenset(tags)
    )


def _placed(text: str, tag: str, language: str, *, at_end: bool, rng: np.random.Generator) -> str:
    parts, gap = units(text, language)
    place = len(parts) if at_end else int(rng.integers(len(parts) + 1))
    return gap.join([*parts[:place], tag, *parts[place:]])


CHECK = Check(
    id="shortcuts",
    family="shortcuts",
    says="phrases that give a label away without saying what the text is about",
    run=run,
    plant=plant,
    null=shuffled_labels,
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels"}),
    cost="slow",
    rates=(0.01, 0.05),
)
