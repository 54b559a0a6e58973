"""How good outputs are on validation: one number that decides, and the headline score, for all trainers."""

from __future__ import annotations

import numpy as np

from textwright.tasks.base import Array, FloatArray
from textwright.tasks.examples import Examples
from textwright.text.targets import Targets

# The name of the task's judgement among the scores of an event.
LOSS = "validation loss"


def judged(examples: Examples, outputs: Array, truth: Targets) -> tuple[float, dict[str, float]]:
    """The task's judgement (lower is better), and what to show while fitting."""
    task, decode = examples.task, examples.decode
    value = task.judge(outputs, truth, decode)
    return value, {task.headline: task.glance(outputs, truth, decode), LOSS: value}


def row_losses(examples: Examples, outputs: Array, truth: Targets) -> FloatArray:
    """(N,) the task's judgement of each row alone, at the temperature that suits all of them together.

    Their mean is the first number of `judged`.
    """
    task = examples.task
    measured = task.measured(outputs, task.calibrate(outputs, truth, examples.decode))
    places = range(len(truth))
    return np.array([task.loss_of(measured[i : i + 1], truth[i : i + 1]) for i in places])


def loss_of_nothing(examples: Examples) -> float:
    """The same judgement of no model at all, which knows the shares of the labels, or the mean score."""
    targets = examples.targets
    return examples.task.loss_of(examples.task.baseline(targets, len(targets)).outputs, targets)
