"""Whether an answer changes when a text is about another group and says the same (Garg et al. 2019).

Counterfactual token fairness (arXiv:1809.10610): the mean of |f(x) - f(x with another term)|, where terms are
swapped inside a category, as "woman" for "man". Any swapped word moves a model a little, so the same rows
with as many words that belong to no group swapped say how much is usual.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from importlib import resources

import numpy as np

from textwright.audit.base import Check, Planted, Targets
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity, not_applicable, too_few
from textwright.audit.groups.answering import FloatArray, answered, picked_by
from textwright.audit.groups.membership import Swap, swapper
from textwright.audit.lexicon.reading import read_lexicon
from textwright.audit.proof.models import WordModel, with_model
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score, wilson
from textwright.measure.discoveries import FALSE_DISCOVERIES, shares_apart, shares_p

FLOOR, HIGH = 0.05, 0.10
ANSWERS = "answers"
LEAST, _MAX_SWAPS = 30, 2_000
_WORD = re.compile(r"[A-Za-z]{3,}|[\u3400-\u9fff]{2}")


def run(data: AuditData) -> Result:
    swap = swapper(data)
    if swap is None:
        return not_applicable(
            "groups of a column have no terms to swap: --set groups=lexicon:en or lexicon:zh"
        )
    ours = answered(data)
    rng = generator(data.seed, "audit", "swaps")
    order = rng.permutation(ours.rows).tolist()
    found = _swapped(data, order, swap, rng)
    if len(found) < LEAST:
        return too_few(f"{len(found)} texts have a term that can be swapped: it takes {LEAST}")
    rows = np.array([*found], np.int64)
    neutral = _swapped(data, rows.tolist(), _neutral_swap(data, swap), rng)
    answers = np.asarray(data.answers, np.float64)
    moved, flipped = _moves(data, rows, answers[rows], found)
    base_rows = np.array([*neutral], np.int64)
    base_moved, base_flipped = _moves(data, base_rows, answers[base_rows], neutral)
    numbers = {
        "swaps": len(rows),
        "ctf": float(moved.mean()),
        "flips": rows_score(int(flipped.sum()), len(rows)).to_json(),
        "neutral_swaps": len(base_rows),
        "neutral_ctf": float(base_moved.mean()) if len(base_rows) else None,
        "neutral_flips": rows_score(int(base_flipped.sum()), max(len(base_rows), 1)).to_json(),
    }
    if len(base_rows) < LEAST:
        return Result("too few rows", "too few words of no group to compare with", numbers=numbers)
    counts = int(flipped.sum()), len(rows), int(base_flipped.sum()), len(base_rows)
    p, test = shares_p(*counts)
    apart = shares_apart(*counts)
    if p >= FALSE_DISCOVERIES or apart.value < FLOOR:
        return Result.of([], numbers)
    rate, usual = counts[0] / counts[1], counts[2] / counts[3]
    severity: Severity = "high" if apart.value >= HIGH else "warn"
    worst = np.flatnonzero(flipped)
    finding = Finding(
        "swaps",
        severity,
        f"{100 * rate:.1f} % of the answers change when the text is about another group, {100 * usual:.1f} % "
        "when another word changes",
        evidence=Evidence(
            "flips",
            rate,
            len(rows),
            *wilson(counts[0], counts[1]),
            usual,
            apart.value,
            test,
            p,
            p,
            1,
            apart.low,
            apart.high,
        ),
        subject=ANSWERS,
        rows=rows[worst[np.argsort(-moved[worst], kind="stable")]],
        why="who a text is about should not decide what the model says of it",
        limits="some swaps make no sense, and some words of no group carry meaning",
        fixes=(
            Fix("augment", "train on copies of rows with the terms of groups swapped"),
            Fix("mask_groups", "put one word in place of all terms of groups, in training and in use"),
        ),
        details={
            "ctf": numbers["ctf"],
            "neutral_ctf": numbers["neutral_ctf"],
        },
    )
    return Result.of([finding], numbers)


def _swapped(data: AuditData, rows: list[int], swap: Swap, rng: np.random.Generator) -> dict[int, str]:
    """Texts with a swapped term by row, at most 2,000."""
    found: dict[int, str] = {}
    for row in rows:
        other = swap(data.texts[row], rng)
        if other is not None and other != data.texts[row]:
            found[row] = other
            if len(found) == _MAX_SWAPS:
                break
    return found


def _moves(
    data: AuditData, rows: IntArray, before: FloatArray, texts: dict[int, str]
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """How far the probability of the answer moved (N,), and whether the answer did (N,)."""
    assert data.model is not None
    if not len(rows):
        return np.zeros(0), np.zeros(0, np.bool_)
    after = np.asarray(data.model.probabilities([texts[row] for row in rows.tolist()]), np.float64)
    first, then = picked_by(data.model, before), picked_by(data.model, after)
    place = np.arange(len(rows))
    return np.abs(before[place, first] - after[place, first]), first != then


def _neutral_swap(data: AuditData, of_groups: Swap) -> Swap:
    """Swaps one word of no group for another of about the same frequency."""
    rng = generator(0, "audit", "neutral")
    counts = Counter(word for text in data.texts[:20_000] for word in {*_WORD.findall(text)})
    common = [word for word, count in counts.most_common(600) if count > 1 and of_groups(word, rng) is None]
    place = {word: i for i, word in enumerate(common)}

    def swap(text: str, rng: np.random.Generator) -> str | None:
        own = [word for word in dict.fromkeys(_WORD.findall(text)) if word in place]
        if not own:
            return None
        word = own[int(rng.integers(len(own)))]
        near = [i for i in range(place[word] - 10, place[word] + 11) if 0 <= i < len(common)]
        return text.replace(word, common[near[int(rng.integers(len(near)))]])

    return swap


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A trade in a text moves the log-odds of the answer by `rate`, kin the other way."""
    return Planted(_asked(data, rate / 2), subjects=frozenset({ANSWERS}))


def null(data: AuditData, seed: int) -> AuditData:
    """A model to which the terms of groups say nothing, and other words a little."""
    return _asked(data, 0.0)


def _asked(data: AuditData, lean: float) -> AuditData:
    """The texts with two labels, as the model without leaning answers, and groups by packaged terms."""
    labels = ("one", "other")
    fair = WordModel(labels, {}).probabilities(data.texts).argmax(axis=1).tolist()
    file = str(resources.files("textwright").joinpath("audit", "proof", "terms.yaml"))
    relabelled = replace(data, labels=[(labels[i],) for i in fair], groups_from=(file,), columns={})
    groups = read_lexicon(file).groups
    leans = {term: lean if group.id == "trades" else -lean for group in groups for term in group.terms}
    return with_model(relabelled, WordModel(labels, leans))


CHECK = Check(
    id="swaps",
    family="model",
    says="answers that change when a text is about another group and says the same",
    run=run,
    plant=plant,
    null=null,
    about="model",
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels", "groups", "model"}),
    rates=(2.0, 3.0),
    targets=Targets(recall=0.95, false_alarms=0.06),
)
