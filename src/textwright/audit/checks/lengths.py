"""Texts that are empty, that say nothing, or that were cut off at one length."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.measure.bootstrap import rows_score
from textwright.measure.discoveries import binomial_p

SHORT = 3  # characters
WARN, WARN_TOKENS = 0.05, 0.10
MIN_CUT, CUT_LENGTH = 10, 40  # rows of one length that are cut off, and how long they are at least
NEAR = 20  # other lengths on each side that say how many there should be
SURE = 1e-6
BARS = 30  # of the histogram
_ENDS = frozenset(".!?。！？…\"'”’」』)）~～")


def run(data: AuditData) -> Result:
    texts = data.texts
    sizes = np.array([len(text.strip()) for text in texts], np.int64)
    folded = np.array([len(text) for text in data.folded], np.int64)
    empty, short = np.flatnonzero(folded == 0), np.flatnonzero((folded > 0) & (folded < SHORT))
    numbers: dict[str, Any] = {"rows": len(data), "empty": len(empty), "short": len(short)}
    numbers["characters"] = (
        [int(q) for q in np.quantile(sizes, (0, 0.5, 0.95, 0.99, 1))] if len(sizes) else []
    )
    findings = []
    if len(empty):
        findings.append(_empty(data, empty))
    if len(short):
        findings.append(_short(data, short))
    cut, at = cut_off(texts, sizes)
    numbers["cut_off_at"] = at
    if len(cut):
        findings.append(_cut(data, cut, at))
    if data.window:
        over, lost = over_window(texts, data.window)
        numbers |= {"over_window": len(over), "tokens_lost": round(lost, 5)}
        if len(over) > WARN * len(data) or lost > WARN_TOKENS:
            findings.append(_over(data, over, lost))
    return Result.of(findings, numbers, {"characters": histogram(sizes)} if sizes.any() else {})


def histogram(sizes: IntArray) -> list[dict[str, int]]:
    """Rows of each length in characters, in steps that grow with it; empty texts stand in none.

    >>> histogram(np.array([0, 7, 7]))
    [{'from': 7, 'to': 7, 'rows': 2}]
    """
    known = sizes[sizes > 0]
    edges = np.unique(np.geomspace(known.min(), known.max() + 1, BARS + 1).astype(np.int64))
    edges[-1] = known.max() + 1
    counts, _ = np.histogram(known, edges)
    return [
        {"from": low, "to": high - 1, "rows": rows}
        for low, high, rows in zip(edges.tolist(), edges[1:].tolist(), counts.tolist(), strict=False)
    ]


def cut_off(texts: list[str], sizes: IntArray) -> tuple[IntArray, int]:
    """Rows that end without an end at a length that far more texts have than the lengths around it; it."""
    unended = np.array([text.rstrip()[-1:] not in _ENDS for text in texts], np.bool_)
    counts = np.bincount(sizes[unended & (sizes >= CUT_LENGTH)], minlength=CUT_LENGTH + 1)
    places = np.flatnonzero(counts >= MIN_CUT)
    tests = max(1, int((counts > 0).sum()))
    found = []
    for size in places.tolist():
        around = counts[max(CUT_LENGTH, size - NEAR) : size + NEAR + 1]
        usual = max(1.0, (around.sum() - counts[size]) / (2 * NEAR))
        total = int(around.sum())
        p = float(binomial_p(int(counts[size]), total, min(0.5, usual / max(total, 1))))
        if counts[size] > 5 * usual and p * tests < SURE:
            found.append((int(counts[size]), size))
    if not found:
        return np.zeros(0, np.int64), 0
    at = max(found)[1]
    return np.flatnonzero(unended & (sizes == at)), at


def over_window(texts: list[str], window: int) -> tuple[IntArray, float]:
    """Rows of more tokens than a window, and the share of all tokens lost; a word or Han character is one."""
    from textwright.text.pairs.sizes import size_of

    sizes = np.array([size_of(text) for text in texts], np.int64)
    lost = np.maximum(sizes - window, 0).sum() / max(1, sizes.sum())
    return np.flatnonzero(sizes > window), float(lost)


def _share(rows: IntArray, data: AuditData) -> Evidence:
    share = rows_score(len(rows), len(data))
    return Evidence("share", share.value, len(data), share.low, share.high)


def _severity(rows: IntArray, data: AuditData) -> Severity:
    return "warn" if len(rows) > WARN * len(data) else "info"


def _empty(data: AuditData, rows: IntArray) -> Finding:
    return Finding(
        "lengths",
        _severity(rows, data),
        f"{len(rows):,} of {len(data):,} rows have no text",
        subject="empty",
        evidence=_share(rows, data),
        rows=rows,
        why="there is nothing to learn from, and a label without a text teaches a guess",
        fixes=(Fix("drop", "drop the rows without a text", safe=True),),
    )


def _short(data: AuditData, rows: IntArray) -> Finding:
    return Finding(
        "lengths",
        _severity(rows, data),
        f"{len(rows):,} of {len(data):,} rows have one or two characters",
        subject="short",
        evidence=_share(rows, data),
        rows=rows,
        why="so little hardly tells a label",
        limits="a word of Chinese may have one or two characters and be all that is meant",
        fixes=(Fix("drop", "look at the shortest texts and drop those that say nothing"),),
    )


def _cut(data: AuditData, rows: IntArray, at: int) -> Finding:
    return Finding(
        "lengths",
        "warn",
        f"{len(rows):,} of {len(data):,} rows end cut off at {at:,} characters",
        subject="cut off",
        evidence=_share(rows, data),
        rows=rows,
        why="something cut these texts before they came here: what stood behind is lost",
        fixes=(Fix("collect", "get the whole texts from where they came"),),
        details={"characters": at},
    )


def _over(data: AuditData, rows: IntArray, lost: float) -> Finding:
    return Finding(
        "lengths",
        "warn",
        f"{len(rows):,} of {len(data):,} rows are longer than the window; {100 * lost:.1f} % is cut",
        subject="window",
        evidence=_share(rows, data),
        rows=rows,
        why="what is cut is not read, in training or afterwards",
        fixes=(Fix("collect", "choose a longer window, or split long texts"),),
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A share of the rows without a text, and as many with one character."""
    rows = drawn(data, rate, seed, "lengths")
    texts = {row: ("", " \u3000", "x", "。.")[i % 4] for i, row in enumerate(rows.tolist())}
    return Planted(data.with_texts(texts), rows=rows)


def null(data: AuditData, seed: int) -> AuditData:
    """Rows of at least three characters, whose lengths are their own."""
    kept = [i for i, text in enumerate(data.folded) if len(text) >= SHORT]
    counts = Counter(len(data.texts[i].strip()) for i in kept)
    own = [i for i in kept if counts[len(data.texts[i].strip())] < MIN_CUT or data.texts[i][-1:] in _ENDS]
    return replace(data.taken(own), window=None)


CHECK = Check(
    id="lengths",
    family="text",
    says="texts that are empty, too short, cut off, or longer than the window",
    run=run,
    plant=plant,
    null=null,
    targets=Targets(recall=1.0, precision=0.99),
)
