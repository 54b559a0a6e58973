"""Texts that a classifier does not answer: how sure it is of each, and the threshold that keeps a promise.

Shapes: N rows, K outputs, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textwright.core.errors import ConfigError
from textwright.measure.base import BoolArray, FloatArray, Meter
from textwright.measure.rejection import AnsweredMeter, Cut, cut_by_errors, cut_by_share, rows_to_promise
from textwright.tasks.base import Array, Decode, Task
from textwright.tasks.recipe import Recipe, RejectSettings
from textwright.text.schema import Schema
from textwright.text.targets import Targets

_LOWEST = 0.0
# Entropy follows the few labels that are likely; softer, it hears the others, too. Twice was better than once
# on seven of eight pairs of data and model, four times on about half of them.
_SOFTER = 2.0


@dataclass(frozen=True)
class Rejection:
    """What turns outputs into answers from now on, in a sentence; `is_kept` where the promise is as asked."""

    decode: Decode
    said: str
    is_kept: bool


def check_reject(recipe: Recipe) -> None:
    """Raise ConfigError for what of `reject` can never be, whatever the data."""
    reject = recipe.reject
    if reject.wrong is not None and reject.in_scope is not None:
        raise ConfigError(
            "reject.wrong and reject.in_scope contradict each other: one threshold cannot keep both",
            hint="Give one of them.",
        )
    if _name(reject) and recipe.task != "auto":
        _refuse_task(reject, recipe.task)
    if _name(reject) and recipe.split.validation == 0:
        raise ConfigError(
            f"{_name(reject)} is calibrated on rows of validation, and split.validation=0 leaves none",
            hint="Leave split.validation above 0.",
        )


def check_reject_target(recipe: Recipe, schema: Schema) -> None:
    """Raise ConfigError where the data turn out to be for a task that always answers."""
    if _name(recipe.reject):
        _refuse_task(recipe.reject, schema.task)


def _name(reject: RejectSettings) -> str:
    """The dotted name of what was asked; empty for nothing."""
    if reject.wrong is not None:
        return "reject.wrong"
    return "reject.in_scope" if reject.in_scope is not None else ""


def _refuse_task(reject: RejectSettings, task: str) -> None:
    if task != "classify":
        raise ConfigError(
            f"{_name(reject)} is for the task classify, and this is {task}",
            hint="Leave it out, or use --task classify.",
        )


def sureness(task: Task, outputs: Array, decode: Decode) -> FloatArray:
    """How sure a classifier is (N,), 0 to 1, as `decode.sureness` says, from calibrated outputs (N, K).

    `probability` is that of the answer (Hendrycks and Gimpel 2017, arXiv:1610.02136), which tells right
    answers from wrong ones best. `entropy` is 1 less the entropy of all probabilities, at twice the
    temperature, over that of equal ones; it tells texts that belong to no label best. See docs/log.md, where
    the highest log-odds and energies (Liu et al. 2020, arXiv:2010.03759) were measured beside them. Of two
    labels both order texts alike, unless answers have offsets.

    >>> from textwright.tasks.base import TASKS
    >>> outputs = np.log([[0.5, 0.25, 0.25], [0.98, 0.01, 0.01]])
    >>> task, of_all = TASKS.get("classify"), Decode(sureness="entropy")
    >>> [sureness(task, outputs, decode).round(3).tolist() for decode in (Decode(), of_all)]
    [[0.5, 0.98], [0.013, 0.482]]
    """
    by_entropy = decode.sureness == "entropy"
    softened = decode.replaced({"temperature": _SOFTER * decode.temperature}) if by_entropy else decode
    shares = task.measured(outputs.astype(np.float64), softened)
    if not by_entropy:
        found: FloatArray = shares[np.arange(len(shares)), task.answered(outputs, decode)]
        return found
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
    even: FloatArray = np.clip(1 - entropy / np.log(shares.shape[1]), 0.0, 1.0)
    return even


def is_answered(task: Task, outputs: Array, decode: Decode) -> BoolArray:
    """Which rows (N,) are answered: all, unless there is a threshold that they do not reach."""
    if decode.least is None:
        return np.ones(len(outputs), bool)
    answered: BoolArray = sureness(task, outputs, decode) >= decode.least
    return answered


def meter_for(task: Task, schema: Schema, decode: Decode) -> Meter:
    """The meter of a task; with a threshold it has the scores of what is answered as well."""
    meter = task.meter(schema)
    return meter if decode.least is None else AnsweredMeter(meter)


def take_in(meter: Meter, task: Task, outputs: Array, truth: Targets, decode: Decode) -> None:
    """Show a meter of `meter_for` a batch of outputs (N, K) with their truth."""
    answers = task.answered(outputs, decode)
    meter.update(truth, task.measured(outputs, decode), answers)
    if isinstance(meter, AnsweredMeter):
        meter.count(answers == truth, is_answered(task, outputs, decode))


def rejecting(
    task: Task, outputs: Array, truth: Targets, decode: Decode, reject: RejectSettings
) -> Rejection | None:
    """The threshold that keeps what is asked, from rows of validation: outputs (N, K) and class ids (N,).

    None where nothing is asked. For a share of wrong answers that cannot be promised the threshold is the
    nearest one that promises something: whoever asks for care gets as much as there is. Without a single row
    that may be sent away there is no threshold.

    >>> from textwright.tasks.base import TASKS
    >>> truth = np.random.default_rng(0).integers(0, 2, 500)
    >>> outputs = np.random.default_rng(1).normal(4.0 * truth - 2.0, 2.0)[:, None]
    >>> found = rejecting(TASKS.get("classify"), outputs, truth, Decode(), RejectSettings(wrong=0.05))
    >>> found.is_kept, 0.5 < found.decode.least < 1
    (True, True)
    """
    if not _name(reject):
        return None
    by_errors = reject.wrong is not None
    plain = decode.replaced({"least": None, "sureness": "probability" if by_errors else "entropy"})
    if not len(truth):
        return Rejection(
            plain, f"{_name(reject)} cannot be calibrated: there are no rows of validation", False
        )
    values, is_wrong = sureness(task, outputs, plain), task.answered(outputs, plain) != truth
    if reject.wrong is not None:
        cut = cut_by_errors(values, is_wrong, reject.wrong, _LOWEST)
        said = _said_of_errors(cut, reject.wrong)
        return Rejection(plain.replaced({"least": cut.least}), said, cut.is_kept)
    assert reject.in_scope is not None
    found = cut_by_share(values, is_wrong, reject.in_scope)
    if found is None:
        return Rejection(plain, _too_few(len(truth), reject.in_scope), False)
    return Rejection(plain.replaced({"least": found.least}), _said_of_share(found), True)


def _said_of_errors(cut: Cut, asked: float) -> str:
    where = "every text is answered"
    if cut.num_rejected:
        where = f"texts are not answered where the probability of the guess is below {cut.least:.4f}"
    counted = (
        f"{where}; of {cut.num_rows:,} rows of validation {cut.num_answered:,} are answered and "
        f"{cut.num_wrong:,} of these answers are wrong"
    )
    if cut.is_kept:
        return f"{counted}: at most {asked:.10g} of answers are wrong, with 95 % confidence"
    if cut.num_rows < rows_to_promise(asked):
        why = f"at least {rows_to_promise(asked):,} rows of validation are needed for it"
    else:
        why = f"not even for the {cut.num_answered:,} surest rows of validation"
    return (
        f"reject.wrong={asked:.10g} cannot be promised, {why}; the nearest that can is {cut.bound:.3f}, "
        f"with 95 % confidence; {counted}"
    )


def _said_of_share(cut: Cut) -> str:
    return (
        f"texts are not answered where the sureness by entropy is below {cut.least:.4f}; of {cut.num_rows:,} "
        f"rows of validation {cut.num_rejected:,} are sent away; of texts that belong to a label it is at "
        f"most {cut.bound:.10g} on average"
    )


def _too_few(num_rows: int, asked: float) -> str:
    needed = int(np.ceil(1 / asked - 1 - 1e-9))
    return (
        f"every text is answered, as reject.in_scope={asked:.10g} needs at least {needed:,} rows of "
        f"validation and there are {num_rows:,}"
    )
