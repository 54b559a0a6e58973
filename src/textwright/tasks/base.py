"""What a task answers for: from targets to what a model fits, and from outputs to answers and scores.

Shapes: N rows, K outputs (two classes share one output), C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from textwright.core.registry import Registry
from textwright.core.settings import Settings
from textwright.measure.base import Meter
from textwright.text.schema import Schema, TaskName
from textwright.text.targets import Targets

Array = NDArray[Any]
FloatArray = NDArray[np.float64]
Link = Literal["softmax", "sigmoid", "identity"]
Sureness = Literal["probability", "entropy"]


# How far ln T is expected to stray from 0: sixty validation rows alone have asked for a T of 0.4 by chance,
# which cost a third of the log loss on the test rows.
TEMPERATURE_SPREAD = 0.25


class Decode(Settings):
    """What turns outputs into answers, kept in the model folder.

    `offsets` has one number a label, in natural log-odds: how much is added to what speaks for the label
    before answers are picked (`Task.support`); empty for none. Probabilities do not change with them.
    `offset` and `spread` are those of graded scores. With `least`, a text is answered only where the
    `sureness` is that or more (`tasks.rejecting`); the guess stays what it is.
    """

    temperature: float = 1.0
    offset: float = 0.0
    spread: float = 1.0
    low: float | None = None
    high: float | None = None
    offsets: tuple[float, ...] = ()
    least: float | None = None
    sureness: Sureness = "probability"


@dataclass(frozen=True)
class Baseline:
    """What needs no model: the commonest class, the mean score. `text` says it in words."""

    text: str
    outputs: Array


class Task(Protocol):
    """One kind of question; a module each, listed in `TASKS`."""

    name: TaskName
    headline: str

    def link(self, schema: Schema) -> Link: ...

    def num_outputs(self, schema: Schema) -> int: ...

    def scaling(self, targets: Targets) -> Decode:
        """How targets are shifted and scaled for fitting."""
        ...

    def fitted(self, targets: Targets, schema: Schema, decode: Decode) -> Array:
        """Targets as a network takes them: class ids (N,), label sets (N, C) or scaled scores (N, 1)."""
        ...

    def strata(self, targets: Targets) -> NDArray[np.int64]:
        """What should be equally common in all parts of a split."""
        ...

    def judge(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        """How bad outputs are, whatever their temperature; lower is better. Decides on validation."""
        ...

    def loss(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        """The same with the temperature as it is, which is quicker."""
        ...

    def loss_of(self, measured: Array, targets: Targets) -> float:
        """The same of what the meter takes."""
        ...

    def glance(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        """The headline score alone, quickly, to show while fitting."""
        ...

    def calibrate(self, outputs: Array, targets: Targets, decode: Decode) -> Decode: ...

    def measured(self, outputs: Array, decode: Decode) -> Array:
        """What the meter takes: probabilities (N, C) or scores (N,)."""
        ...

    def support(self, outputs: Array, decode: Decode) -> FloatArray:
        """What answers are picked by, offsets included: log-probabilities (N, C) up to a constant a row (of
        which the highest is the answer), log-odds (N, C) (those that are not negative), or scores (N, 1).
        """
        ...

    def answered(self, outputs: Array, decode: Decode) -> Targets:
        """The answers, in the form of targets: class ids (N,), label sets (N, C) or scores (N,).

        Where a threshold sends a row away this is the guess: `tasks.rejecting.is_answered` tells which.
        This is the only place where answers are picked; all that shows, counts or explains them asks here.
        """
        ...

    def meter(self, schema: Schema) -> Meter: ...

    def answers(
        self, outputs: Array, schema: Schema, decode: Decode, probabilities: bool
    ) -> list[dict[str, Any]]:
        """One record a row, as the command-line contract says; the answers are those of `answered`."""
        ...

    def baseline(self, targets: Targets, rows: int) -> Baseline:
        """What to beat, learned from `targets`, as measured outputs for `rows` rows."""
        ...


TASKS: Registry[Task] = Registry(
    "task",
    {
        "classify": "textwright.tasks.classify:TASK",
        "multilabel": "textwright.tasks.multilabel:TASK",
        "score": "textwright.tasks.score:TASK",
    },
)


def one_hot(ids: NDArray[np.int64], num_classes: int) -> NDArray[np.float32]:
    """Class ids (N,) as rows with a single one (N, C); a single column for two classes."""
    if num_classes == 2:
        return ids.astype(np.float32)[:, None]
    out = np.zeros((len(ids), num_classes), np.float32)
    out[np.arange(len(ids)), ids] = 1
    return out
