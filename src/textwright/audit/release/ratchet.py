"""What got significantly worse since the last release: findings that are new, numbers that moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from textwright.audit.folder import Audit
from textwright.core.records import Note, Score


def worse(now: Audit, before: Audit) -> Iterator[Note]:
    """One sentence for everything that got worse beyond its interval, or is new and at least a warning."""
    known = {finding["id"]: finding for finding in before.findings}
    looked = {check["check"] for check in before.checks if check["status"] in ("found", "clean")}
    for finding in now.findings:
        is_news = finding["id"] not in known and finding["check"] in looked
        if is_news and finding["severity"] != "info":
            yield Note(f"{finding['id']}: {finding['title']} (the last release did not have it)")
    old = dict(scores(before))
    for name, score in scores(now):
        if name in old and is_worse(score, old[name]):
            yield Note(f"{name} was {old[name].value:.4f} in the last release and is {score.value:.4f} now")


def scores(audit: Audit) -> Iterator[tuple[str, Score]]:
    """All numbers with an interval that the checks gave, and those of the model, by name."""
    for check in audit.checks:
        for key, value in check["numbers"].items():
            if is_score(value):
                yield f"{check['check']}.{key}", Score.from_json(value)
    for key, value in audit.record.get("scores", {}).items():
        if is_score(value):
            yield key, Score.from_json(value)


def is_score(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a number of a record has its interval."""
    return isinstance(value, dict) and {"value", "low", "high", "n", "better"} <= set(value)


def is_worse(now: Score, before: Score) -> bool:
    """Whether the intervals lie apart, on the wrong side."""
    return now.low > before.high if now.better == "lower" else now.high < before.low
