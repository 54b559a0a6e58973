"""How good outputs are on validation: one number that decides, and the headline score, for all trainers."""

from __future__ import annotations

from textwright.tasks.base import Array
from textwright.tasks.examples import Examples
from textwright.text.targets import Targets


def judged(examples: Examples, outputs: Array, truth: Targets) -> tuple[float, dict[str, float]]:
    """The task's judgement (lower is better), and what to show while fitting."""
    task, decode = examples.task, examples.decode
    value = task.judge(outputs, truth, decode)
    return value, {task.headline: task.glance(outputs, truth, decode), "validation loss": value}
