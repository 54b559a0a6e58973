"""Answers tuned on validation: offsets that raise a score, then one that keeps a promise.

Shapes: N rows of validation, K outputs, C labels, U groups of rows, R bootstrap samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from textwright.core.seeds import generator
from textwright.measure.base import FloatArray, IntArray
from textwright.measure.bootstrap import resampled_sums
from textwright.measure.tally import Tally
from textwright.tasks.base import Array, Decode, Task
from textwright.tasks.metrics import TUNABLE, of_tally
from textwright.tasks.offsets import MIN_ROWS_PER_LABEL, Field, LabelSets, OneLabel, starts, value_of
from textwright.tasks.promise import Promise
from textwright.tasks.promised import keep
from textwright.text.schema import Schema
from textwright.text.targets import Targets

NUM_FOLDS = 5
MIN_ROWS = 25
# How much better a kind of offsets must be than a simpler one, in standard errors of the difference (Breiman
# et al. 1984). With half of one, answers of balanced noise were moved in 27 of 60 draws, with one in 14, at a
# quarter of the harm; with two in 3, but then most of the gain on uneven labels was lost, too.
STANDARD_ERRORS = 1.0
_GROUPS, _REPLICATES = 500, 200


@dataclass(frozen=True)
class Tuned:
    """What turns outputs into answers from now on, and what a person should know of it.

    `value_before` and `value_after` are the metric on all rows of validation, the second on the rows that it
    was tuned on. `said` are sentences. With a promise, `promise_kept` says whether it holds on validation and
    `nearest` what was reached of it; both are None without one, `nearest` also where no row can tell.
    """

    decode: Decode
    value_before: float
    value_after: float
    said: tuple[str, ...] = ()
    promise_kept: bool | None = None
    nearest: float | None = None


def tuned(
    task: Task,
    outputs: Array,
    targets: Targets,
    decode: Decode,
    metric: str,
    promise: Promise | None = None,
    *,
    schema: Schema,
    seed: int = 0,
) -> Tuned:
    """Choose offsets by the rows of validation: outputs (N, K), targets, and a `decode` calibrated on them.

    Scores that other answers can raise (`tasks.metrics.TUNABLE`) are tuned. Three kinds of offsets compete:
    none; those that take back a part of how common each label is (Saerens et al. 2002); and the best for each
    label, found by coordinate ascent. Each kind is fitted on four fifths of the rows and scored on the other,
    five times; a kind is taken over a simpler one where it is better by a standard error of their
    difference, and is then fitted on all rows. At last the offset of the label of `promise` is moved where
    it is not kept (`tasks.promised.keep`). Raises ConfigError for a promise that does not go with the task or
    its labels.

    >>> from textwright.tasks.base import TASKS
    >>> task, truth = TASKS.get("classify"), np.repeat([0, 1], [270, 30])
    >>> outputs = np.random.default_rng(0).normal(2.0 * truth - 3.2, 1.0)[:, None]
    >>> schema = Schema(task="classify", text="text", label="label", labels=["ham", "spam"])
    >>> found = tuned(task, outputs, truth, Decode(), "macro_f1", schema=schema)
    >>> round(found.value_before, 2), round(found.value_after, 2), found.decode.offsets[1] > 0
    (0.54, 0.74, True)
    """
    if promise is not None:
        promise.check(schema)
    plain = decode.replaced({"offsets": ()})
    if not len(targets):
        is_kept = None if promise is None else False
        return Tuned(plain, float("nan"), float("nan"), (_too_few(0),), is_kept)
    before = _measured(task, outputs, targets, decode, metric, schema)
    if task.name == "score":
        return Tuned(decode, before, before)
    field = _field(task, outputs, targets, plain, metric)
    offsets: FloatArray = np.zeros(len(schema.labels))
    said: tuple[str, ...] = ()
    if metric in TUNABLE[task.name]:
        offsets, said = _raised(field, task.strata(targets), seed)
        # Where labels compete only differences count.
        offsets = offsets - offsets.mean() if task.name == "classify" else offsets
    outcome = None
    if promise is not None:
        outcome = keep(field, offsets, schema.labels.index(promise.label), promise)
        offsets, said = outcome.offsets, (*said, outcome.said)
    found = _with_offsets(plain, offsets)
    after = _measured(task, outputs, targets, found, metric, schema)
    kept, nearest = (None, None) if outcome is None else (outcome.kept, outcome.reached)
    return Tuned(found, before, after, said, kept, nearest)


def _too_few(n: int) -> str:
    return f"{n} rows of validation are too few to tune answers on"


def _measured(
    task: Task, outputs: Array, targets: Targets, decode: Decode, metric: str, schema: Schema
) -> float:
    meter = task.meter(schema)
    meter.update(targets, task.measured(outputs, decode), task.answered(outputs, decode))
    return meter.scores(replicates=1)[metric].value


def _field(task: Task, outputs: Array, targets: Targets, plain: Decode, metric: str) -> Field:
    """What is searched: the metric, or the headline where answers do not change the metric."""
    metric = metric if metric in TUNABLE[task.name] else task.headline
    support = task.support(outputs, plain)
    if task.name == "multilabel":
        return LabelSets(support, targets.astype(np.uint8), metric)
    return OneLabel(support, targets.astype(np.int64), metric)


def _with_offsets(plain: Decode, offsets: FloatArray) -> Decode:
    return plain.replaced({"offsets": tuple(offsets.tolist())}) if offsets.any() else plain


# Kinds of offsets, the simplest first: each takes rows and the labels that may be moved by themselves.


def _none(field: Field, movable: IntArray) -> FloatArray:
    return np.zeros(field.support.shape[1])


def _of_prior(field: Field, movable: IntArray) -> FloatArray:
    return _highest(field, [_none(field, movable), *starts(field)])


def _of_each(field: Field, movable: IntArray) -> FloatArray:
    begin = [_none(field, movable), _highest(field, starts(field))]
    return _highest(field, [field.ascended(start, movable) for start in begin])


def _highest(field: Field, candidates: list[FloatArray]) -> FloatArray:
    return max(candidates, key=lambda offsets: value_of(field, field.answers(offsets)))


_KINDS: Mapping[str, Callable[[Field, IntArray], FloatArray]] = MappingProxyType(
    {"none": _none, "prior": _of_prior, "each": _of_each}
)


def _raised(field: Field, strata: IntArray, seed: int) -> tuple[FloatArray, tuple[str, ...]]:
    """Offsets (C,) of the kind that does best on rows that it was not fitted on."""
    movable = np.flatnonzero(field.per_label() >= MIN_ROWS_PER_LABEL)
    if len(strata) < MIN_ROWS or not len(movable):
        return _none(field, movable), (_too_few(len(strata)),)
    held_out = _held_out(field, _folds(strata, seed), movable)
    values = {kind: value_of(field, answers) for kind, answers in held_out.items()}
    errors = _standard_errors(field, held_out, seed)
    chosen = "none"
    for kind in ("prior", "each"):
        if values[kind] - values[chosen] > STANDARD_ERRORS * errors[kind, chosen]:
            chosen = kind
    if chosen == "none":
        best = max(values["prior"], values["each"])
        said = (
            f"answers are not moved: on rows of validation held out, {field.metric} is {best:.4f} with "
            f"offsets and {values['none']:.4f} without, too little to tell from chance"
        )
        return _none(field, movable), (said,)
    offsets = _KINDS[chosen](field, movable)
    if not offsets.any():
        return offsets, (f"answers are not moved: no offsets raise {field.metric} on all of validation",)
    said = (
        f"answers are moved to raise {field.metric}: on rows of validation held out it is "
        f"{values[chosen]:.4f} with offsets and {values['none']:.4f} without"
    )
    return offsets, (said,)


def _folds(strata: IntArray, seed: int) -> IntArray:
    """(N,) the fold of each row; each stratum is spread over all of them."""
    order = generator(seed, "tuning", "folds").permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    folds = np.empty(len(strata), np.int64)
    folds[order] = np.arange(len(strata)) % NUM_FOLDS
    return folds


def _held_out(field: Field, folds: IntArray, movable: IntArray) -> dict[str, IntArray]:
    """Answers to each row, by kind, with offsets that were fitted on the other folds."""
    found = {kind: field.answers(_none(field, movable)) for kind in _KINDS}
    for fold in range(NUM_FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        fitted, rest = field.rows(inside), field.rows(outside)
        for kind, fit in _KINDS.items():
            found[kind][outside] = rest.answers(fit(fitted, movable))
    return found


def _standard_errors(
    field: Field, held_out: Mapping[str, IntArray], seed: int
) -> dict[tuple[str, str], float]:
    """Of the difference between each two kinds, by the bootstrap over rows, or over 500 groups of them."""
    rng = generator(seed, "tuning", "bootstrap")
    num_rows = len(field.support)
    num_groups = min(num_rows, _GROUPS)
    groups = rng.permutation(num_rows) % num_groups
    tallies = [field.counts(answers, groups, num_groups) for answers in held_out.values()]
    columns = np.concatenate([part for t in tallies for part in (t.hits, t.truth, t.predicted)], axis=1)
    drawn = np.split(resampled_sums(columns, _REPLICATES, rng), 3 * len(tallies), axis=1)
    values = {
        kind: of_tally(field.metric, Tally(*drawn[3 * place : 3 * place + 3]))
        for place, kind in enumerate(held_out)
    }
    return {(a, b): float(np.std(values[a] - values[b])) for a in values for b in values}
