"""Parts of the data in which a model is wrong more often: found on one half, shown if confirmed on the other.

Whoever looks at thousands of slices finds some by chance, and a test on the rows that suggested the slice
cannot tell. So half of the rows (drawn, not the first half) is for finding, the other for confirming.

Shapes: N rows, S slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from textwright.audit.base import Check, Planted, Targets
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity, too_few
from textwright.audit.groups.answering import Answered, answered
from textwright.audit.groups.conditions import BoolArray, conditions
from textwright.audit.proof.models import RIGHT, drawn_model, with_model
from textwright.audit.subject import AuditData
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray
from textwright.measure.bootstrap import ratio, wilson
from textwright.measure.discoveries import FALSE_DISCOVERIES, discovery_rates, shares_p

FLOOR, HIGH = 0.05, 0.20
LEAST = 30  # rows of a slice, in each half
_MAX_CANDIDATES, _MAX_SHOWN = 40, 8
_SAME = 0.5  # share of common rows from which a slice is another one again


@dataclass(frozen=True)
class Slice:
    """A candidate, in the half that confirms: errors and rows in it and beside it."""

    query: str
    errors: int
    rows: int
    rest_errors: int
    rest_rows: int
    p: float
    test: str
    q: float = 1.0

    @property
    def rate(self) -> float:
        return self.errors / self.rows

    @property
    def rest(self) -> float:
        return self.rest_errors / self.rest_rows

    @property
    def is_confirmed(self) -> bool:
        return self.q < FALSE_DISCOVERIES and self.rate - self.rest >= FLOOR

    def to_json(self) -> dict[str, object]:
        low, high = wilson(self.errors, self.rows)
        return {
            "name": self.query,
            "value": self.rate,
            "low": low,
            "high": high,
            "rest": self.rest,
            "rows": self.rows,
            "p": self.p,
            "q": self.q,
            "confirmed": self.is_confirmed,
        }


def run(data: AuditData) -> Result:
    ours = answered(data)
    if len(ours) < 4 * LEAST:
        return too_few(f"{len(ours)} labelled rows: it takes {4 * LEAST} to find slices and confirm them")
    rows = data.taken(ours.rows)
    wrong = ~ours.right
    is_first = _half(len(ours), data.seed)
    candidates = _candidates(conditions(rows), wrong, is_first)
    tested = _confirmed(candidates, wrong, ~is_first)
    shown = _distinct([one for one in tested if one.is_confirmed], candidates)
    findings = [_finding(one, len(tested), ours, candidates[one.query]) for one in shown]
    numbers = {
        "rows": len(ours),
        "errors": int(wrong.sum()),
        "tests": len(tested),
        "confirmed": sum(one.is_confirmed for one in tested),
    }
    return Result.of(findings, numbers, {"slices": [one.to_json() for one in tested]})


def _half(rows: int, seed: int) -> BoolArray:
    """Half of the rows (N,), drawn."""
    found = np.zeros(rows, np.bool_)
    found[generator(seed, "audit", "slices").permutation(rows)[: rows // 2]] = True
    return found


def _candidates(alone: Mapping[str, BoolArray], wrong: BoolArray, half: BoolArray) -> dict[str, BoolArray]:
    """The most promising slices of one condition or two, by what is wrong in this half."""
    names = [*alone]
    if not names:
        return {}
    matrix = np.column_stack([alone[name] for name in names])
    own = matrix[half].astype(np.float32)
    of_wrong = own * wrong[half, None]
    # All pairs at once: rows and errors that two conditions share; the diagonal is one condition alone.
    counts, errors = (own.T @ own).astype(np.float64), (of_wrong.T @ own).astype(np.float64)
    score = _excess(errors, counts, int(wrong[half].sum()), int(half.sum()))
    score[np.tril_indices(len(names), -1)] = -np.inf
    single = score.diagonal()
    better = np.maximum(single[:, None], single[None, :]) + 0.5  # a second condition must add something
    score[(score < better) & ~np.eye(len(names), dtype=np.bool_)] = -np.inf
    order = np.argsort(-score, axis=None, kind="stable")[:_MAX_CANDIDATES]
    found = {}
    for a, b in zip(*np.unravel_index(order, score.shape), strict=True):
        if score[a, b] > 1.5:
            query = names[a] if a == b else f"{names[a]} & {names[b]}"
            found[query] = np.asarray(matrix[:, a] & matrix[:, b])
    return found


def _excess(errors: FloatArray, counts: FloatArray, all_errors: int, all_rows: int) -> FloatArray:
    """z of the error rate in a slice against that beside it; minus infinity where it is too small."""
    rest_errors, rest_rows = all_errors - errors, all_rows - counts
    gap = ratio(errors, counts) - ratio(rest_errors, rest_rows)
    share = all_errors / all_rows
    spread = np.sqrt(
        share * (1 - share) * (ratio(np.ones_like(counts), counts) + ratio(np.ones_like(counts), rest_rows))
    )
    is_large = (counts >= LEAST) & (rest_rows >= LEAST) & (gap >= FLOOR)
    out: FloatArray = np.where(is_large, ratio(gap, spread), -np.inf)
    return out


def _confirmed(candidates: Mapping[str, BoolArray], wrong: BoolArray, half: BoolArray) -> list[Slice]:
    """Candidates with their tests in the other half, the largest gap first."""
    found = []
    for query, inside in candidates.items():
        own, rest = inside & half, ~inside & half
        if min(own.sum(), rest.sum()) < LEAST:
            continue
        counts = int(wrong[own].sum()), int(own.sum()), int(wrong[rest].sum()), int(rest.sum())
        found.append(Slice(query, *counts, *shares_p(*counts)))
    rates = discovery_rates([one.p for one in found]).tolist()
    tested = [Slice(**{**vars(one), "q": q}) for one, q in zip(found, rates, strict=True)]
    return sorted(tested, key=lambda one: (one.p, -one.rate))


def _distinct(confirmed: list[Slice], candidates: Mapping[str, BoolArray]) -> list[Slice]:
    """The surest, without those that share most of their rows with one that is shown already."""
    shown: list[Slice] = []
    for one in confirmed:
        rows = candidates[one.query]
        if not any(_overlap(rows, candidates[other.query]) > _SAME for other in shown):
            shown.append(one)
    return shown[:_MAX_SHOWN]


def _overlap(rows: BoolArray, others: BoolArray) -> float:
    """Common rows as a share of the smaller of the two."""
    return float((rows & others).sum() / max(min(rows.sum(), others.sum()), 1))


def _finding(one: Slice, tests: int, ours: Answered, inside: BoolArray) -> Finding:
    severity: Severity = "high" if one.rate - one.rest >= HIGH else "warn"
    low, high = wilson(one.errors, one.rows)
    wrong = np.flatnonzero(inside & ~ours.right)
    return Finding(
        "slices",
        severity,
        f"{one.query}: {100 * one.rate:.1f} % of the answers are wrong, elsewhere {100 * one.rest:.1f} %",
        subject=one.query,
        evidence=Evidence(
            metric="error",
            value=one.rate,
            n=one.rows,
            low=low,
            high=high,
            baseline=one.rest,
            effect=one.rate - one.rest,
            test=one.test,
            p=one.p,
            q=one.q,
            tests=tests,
        ),
        rows=ours.rows[wrong[np.argsort(-ours.confidence[wrong], kind="stable")]],
        why="an average over all rows hides this part of them",
        limits="measured on the half of the rows on which the slice was not found",
        fixes=(Fix("collect", "label more rows of this kind and train again"),),
        details={"query": one.query, "rows_in_all": int(inside.sum())},
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """The model is wrong more often, by `rate`, in rows with one frequent word, drawn."""
    found = conditions(data)
    tokens = {name: rows for name, rows in found.items() if name[:6] == "token:"}
    large = [name for name, rows in tokens.items() if rows.sum() >= 4 * LEAST]
    # Of words that always stand together no one could say which it is.
    pool = [
        name
        for name in large
        if all(_overlap(tokens[name], rows) <= _SAME for other, rows in tokens.items() if other != name)
    ]
    pool = pool or [name for name in found if name[:7] == "length:"]
    name = pool[int(generator(seed, "audit", "slice").integers(len(pool)))]
    inside = found[name]
    model = drawn_model(data, seed, np.where(inside, RIGHT - rate, RIGHT))
    return Planted(with_model(data, model), subjects=frozenset({name}))


def null(data: AuditData, seed: int) -> AuditData:
    """A model that is right as often everywhere."""
    return with_model(data, drawn_model(data, seed))


CHECK = Check(
    id="slices",
    family="model",
    says="parts of the data in which the model is wrong more often, confirmed on rows of their own",
    run=run,
    plant=plant,
    null=null,
    about="model",
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels", "model"}),
    rates=(0.2, 0.3),
    targets=Targets(recall=0.9, false_alarms=0.06),
)
