"""The pick among candidates: what a person prefers, within limits, by paired differences on validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textwright.choose.pick.difference import Difference, Side, metric_difference
from textwright.choose.pick.limits import Limits
from textwright.choose.scoring import badness
from textwright.choose.trying import Tried
from textwright.core.records import Candidate
from textwright.tasks.base import Task
from textwright.tasks.recipe import Prefer
from textwright.text.targets import Targets

# How many standard errors behind the best is near enough (the one-standard-error rule: Breiman et al. 1984).
_NEAR: dict[Prefer, float] = {"balanced": 1.0, "small": 2.0, "fast": 2.0, "accuracy": 0.0}


@dataclass(frozen=True)
class Wanted:
    """What decides: the metric, the preference, the limits."""

    metric: str
    prefer: Prefer
    limits: Limits


@dataclass(frozen=True)
class Decision:
    """The pick, the records of all candidates with why, and what could not be kept, in words."""

    pick: Tried
    records: list[Candidate]
    unmet: str = ""


def decide(tried: Sequence[Tried], wanted: Wanted, truth: Targets, task: Task, seed: int) -> Decision:
    """Pick one of the candidates that were measured; there must be one.

    `balanced` takes the simplest whose score is within one standard error of the best, by the paired
    difference over the rows; `accuracy` the best, an ensemble where its loss is the lowest; `small` and
    `fast` the smallest and the quickest within two standard errors.
    """
    ended = [t for t in tried if t.record.status == "done"] or list(tried)
    allowed = [t for t in ended if not wanted.limits.breaches(t.record, t.kept)]
    if not allowed:
        return _nearest(tried, wanted)
    best = _best(allowed, wanted, lambda a, b: gap_between(a, b, wanted.metric, truth, task, seed))
    gaps = {t.name: gap_between(best, t, wanted.metric, truth, task, seed) for t in tried if t is not best}
    near = [t for t in allowed if t is best or _is_near(gaps[t.name], wanted.prefer)]
    pick = min(near, key=lambda t: _order(t, wanted.prefer, t is best))
    records = [
        replace(
            with_gap(t.record, gaps.get(t.name)),
            chosen=t is pick,
            why=_told(t, _why(t, best, pick, gaps, wanted), is_picked=t is pick),
        )
        for t in tried
    ]
    return Decision(pick, records)


def _best(allowed: Sequence[Tried], wanted: Wanted, gap: Callable[[Tried, Tried], Difference]) -> Tried:
    """By the metric; an ensemble by its loss, which says more about few rows than answers do.

    It must not be behind in the metric by more than a standard error either.
    """
    singles = [t for t in allowed if not t.members] or list(allowed)
    best = min(singles, key=lambda t: badness(t.record.scores[wanted.metric]))
    lowest = min(t.judged for t in singles)
    for ensemble in (t for t in allowed if t.members):
        behind = gap(best, ensemble)
        if ensemble.judged < lowest and -behind.gain <= behind.error:
            best = ensemble
    return best


def gap_between(best: Tried, other: Tried, metric: str, truth: Targets, task: Task, seed: int) -> Difference:
    """How much better `other` answers the same rows (N,), in the metric that is chosen by."""
    sides = [
        Side(task.measured(t.outputs, t.decode), task.answered(t.outputs, t.decode)) for t in (best, other)
    ]
    return metric_difference(task.name, metric, truth, (sides[0], sides[1]), seed=seed)


def _is_near(gap: Difference, prefer: Prefer) -> bool:
    return prefer != "accuracy" and -gap.gain <= _NEAR[prefer] * gap.error


def _order(tried: Tried, prefer: Prefer, is_best: bool) -> tuple[float, int]:
    if prefer == "small":
        return tried.record.bytes, tried.proposal.rank
    if prefer == "fast":
        return tried.record.latency_ms_p50 or 0.0, tried.proposal.rank
    return (tried.proposal.rank, 0) if prefer == "balanced" else (not is_best, tried.proposal.rank)


def with_gap(record: Candidate, gap: Difference | None) -> Candidate:
    """The record with its distance to another candidate; of the best there is none."""
    if gap is None:
        return record
    return replace(record, metric=gap.metric, difference=gap.score, p_value=gap.p_value, test=gap.test)


def _told(tried: Tried, why: str, *, is_picked: bool) -> str:
    """With what became of its fit."""
    if tried.record.why:
        why = f"{tried.record.why}; {why}"
    if tried.trainer is not None and tried.trainer.was_cut and not is_picked:
        why += "; its time ran out, and more --minutes may change that"
    return why


def _why(tried: Tried, best: Tried, pick: Tried, gaps: dict[str, Difference], wanted: Wanted) -> str:
    metric = wanted.metric
    if broken := wanted.limits.breaches(tried.record, tried.kept):
        return "; ".join(breach.what for breach in broken)
    if tried is pick:
        return _why_picked(tried, best, gaps, wanted)
    if tried is best:
        times, error = _NEAR[wanted.prefer], gaps[pick.name].error
        return f"best {metric}, but at most {times:g} standard errors ({error:.4f}) before {pick.name}"
    gap = gaps[tried.name]
    numbers = f"{gap.metric} {gap.score.value:+.4f} against the best, p = {gap.p_value:.3g}"
    if gap.is_shown and gap.gain < 0:
        return f"worse than the best: {numbers}"
    return f"not better than the best: {numbers}"


def _why_picked(tried: Tried, best: Tried, gaps: dict[str, Difference], wanted: Wanted) -> str:
    if len(gaps) == 0:
        return "the only candidate"
    if tried is best:
        if tried.members:
            return f"lowest loss on validation: {tried.judged:.4f}"
        return f"best {wanted.metric} on validation"
    gap, times = gaps[tried.name], f"{_NEAR[wanted.prefer]:g}"
    numbers = f"{best.name}: {gap.metric} {gap.score.value:+.4f}, standard error {gap.error:.4f}"
    if wanted.prefer == "small":
        return f"the smallest within {times} standard errors of the best, {numbers}"
    if wanted.prefer == "fast":
        return f"the quickest within {times} standard errors of the best, {numbers}"
    return f"the simplest within {times} standard errors of the best, {numbers}"


def _nearest(tried: Sequence[Tried], wanted: Wanted) -> Decision:
    """No candidate keeps the limits: the one that is least far off, and what it would have needed."""

    def farthest(t: Tried) -> float:
        return max(breach.factor for breach in wanted.limits.breaches(t.record, t.kept))

    pick = min(tried, key=lambda t: (round(farthest(t), 2), t.proposal.rank))
    records = []
    for t in tried:
        broken = "; ".join(breach.what for breach in wanted.limits.breaches(t.record, t.kept))
        why = f"nearest to the limits: {broken}" if t is pick else broken
        records.append(replace(t.record, chosen=t is pick, why=why))
    what = "; ".join(breach.what for breach in wanted.limits.breaches(pick.record, pick.kept))
    unmet = f"no candidate keeps the limits; the nearest, {pick.name}, is kept: {what}"
    return Decision(pick, records, unmet)
