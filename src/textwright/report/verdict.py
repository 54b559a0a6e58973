"""What a reader should know of a model before anything else, as keys of words/page.yaml with their values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from textwright.report.records import Records
from textwright.report.shown import number, percent

Finding = tuple[str, dict[str, Any]]

FEW_ROWS = 200
# Where gaps of one sign are so many times those of the other, the model is too sure, or too shy, as a whole.
_ONE_SIDED = 2.0
_NARROW = 0.05  # intervals of fewer points are told with a decimal
SHARES = frozenset({"accuracy", "macro_f1", "micro_f1"})
# The score that the first sentence tells, by task; what no model at all would have is told in the same score.
TOLD = {"classify": "accuracy", "multilabel": "accuracy", "score": "mae"}


def verdict(records: Records, pairs: list[dict[str, Any]]) -> Iterator[Finding]:
    """The findings in the order of their weight; `pairs` are the confusions, the most frequent first."""
    manifest, details = records.manifest, records.scores.get("details") or {}
    scores, task = manifest["scores"], manifest["schema"]["task"]
    if records.plan.get("interrupted"):
        yield "verdict.interrupted", {}
    if not scores:
        yield "verdict.no_rows", {}
        yield from _warnings(records)
        return
    score = scores[TOLD[task]]
    yield _quality(manifest, score)
    if "answered" in scores:
        yield _rejects(scores["answered"], scores["accuracy_answered"])
    if manifest["split"] == "validation":
        yield "verdict.validation", {"n": number(score["n"])}
    yield from _warnings(records)
    yield from _baseline(task, details)
    if task == "classify" and details.get("confusion"):
        yield from _confused(pairs, details["per_class"])
    if "ece" in scores and scores["ece"]["value"] is not None:
        yield from _sureness(task, scores["ece"], details)
    if score["n"] < FEW_ROWS:
        yield "verdict.few", {"n": number(score["n"])}
    if records.wrong:
        yield "verdict.next", {}


def _warnings(records: Records) -> Iterator[Finding]:
    """What the training warned of; a score must not be read without it."""
    for sentence in [*(records.data.get("warnings") or []), *(records.plan.get("warnings") or [])]:
        yield "verdict.warning", {"warning": sentence}


def _quality(manifest: dict[str, Any], score: dict[str, Any]) -> Finding:
    schema, n = manifest["schema"], number(score["n"])
    if schema["task"] == "score":
        ends = {"bottom": f"{schema['low']:g}", "top": f"{schema['high']:g}"}
        return "verdict.graded", {**{k: number(score[k]) for k in ("value", "low", "high")}, **ends, "n": n}
    digits = 0 if score["high"] - score["low"] > _NARROW else 1
    shares = {k: _rounded(100 * score[k], digits) for k in ("value", "low", "high")}
    if schema["task"] == "multilabel":
        return "verdict.sets", {**shares, "n": n}
    return f"verdict.{'right_validation' if manifest['split'] == 'validation' else 'right'}", {
        **shares,
        "n": n,
    }


def _rejects(answered: dict[str, Any], right: dict[str, Any]) -> Finding:
    """How many texts are answered at all, and how many of these answers are right."""
    if right["value"] is None:
        return "verdict.rejects_all", {}
    digits = 0 if right["high"] - right["low"] > _NARROW else 1
    shares = {k: _rounded(100 * right[k], digits) for k in ("value", "low", "high")}
    share = _rounded(100 * answered["value"], 1)
    return "verdict.rejects", {"answered": share, **shares, "n": number(right["n"])}


def _rounded(value: float, digits: int) -> str:
    """Halves upwards, so that an interval looks as it is: Python would make 76 of 76.5 and 80 of 79.5."""
    return f"{math.floor(value * 10**digits + 0.5 + 1e-9) / 10**digits:.{digits}f}"


def reference(task: str, details: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """What no model at all would have, in the score that the verdict tells, or else in one that was kept."""
    baseline = {k: v for k, v in (details.get("baseline") or {}).items() if k != "what"}
    metric = TOLD[task] if TOLD[task] in baseline else next(iter(baseline), "")
    return (metric, baseline[metric]) if metric else None


def _baseline(task: str, details: dict[str, Any]) -> Iterator[Finding]:
    found = reference(task, details)
    if found is not None:
        metric, score = found
        value = percent(score["value"]) if metric in SHARES else number(score["value"])
        yield "verdict.baseline", {"what": details["baseline"]["what"], "metric": metric, "value": value}


def _confused(pairs: list[dict[str, Any]], classes: list[dict[str, Any]]) -> Iterator[Finding]:
    if not pairs:
        yield "verdict.no_confusion", {}
        return
    worst = pairs[0]
    yield "verdict.confused", {**worst, "share": percent(worst["count"] / worst["n"])}
    known = [row for row in classes if row["recall"]["value"] is not None and row["n"]]
    if len(known) > 2:
        weakest = min(known, key=lambda row: row["recall"]["value"])
        share = weakest["recall"]["value"]
        found = number(round(share * weakest["n"]))
        yield (
            "verdict.weakest",
            {"label": weakest["label"], "found": found, "n": number(weakest["n"]), "recall": percent(share)},
        )


def _sureness(task: str, ece: dict[str, Any], details: dict[str, Any]) -> Iterator[Finding]:
    """Whether stated sureness can be believed: by the bins of the calibration, and what chance would give."""
    bins, floor = [b for b in details.get("calibration") or [] if b["n"]], details.get("ece_noise_floor")
    if not bins or floor is None:
        return
    values = {"ece": percent(ece["value"]), "floor": percent(floor), "n": number(ece["n"])}
    is_chance = ece["low"] == 0  # the interval begins at 0 where noise alone comes as far
    if task == "multilabel":
        yield f"verdict.{'labels_as_sure' if is_chance else 'labels_not_as_sure'}", values
    elif is_chance:
        yield "verdict.as_sure", values
    else:
        gaps = [(b["confidence"] - b["accuracy"]) * b["n"] for b in bins]
        over, under = sum(gap for gap in gaps if gap > 0), -sum(gap for gap in gaps if gap < 0)
        kind = (
            "too_sure" if over > _ONE_SIDED * under else "too_shy" if under > _ONE_SIDED * over else "uneven"
        )
        yield f"verdict.{kind}", values
