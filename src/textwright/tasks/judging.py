"""How good outputs are on validation: one number that decides, and scores to show. Shared by all trainers."""

from __future__ import annotations

from textwright.tasks.base import Array
from textwright.tasks.examples import Examples
from textwright.text.targets import Targets


def judged(examples: Examples, outputs: Array, truth: Targets) -> tuple[float, dict[str, float]]:
    """The task's judgement (lower is better), and calibrated scores without intervals, the headline first."""
    task = examples.task
    decode = task.calibrate(outputs, truth, examples.decode)
    meter = task.meter(examples.schema)
    meter.update(truth, task.measured(outputs, decode))
    values = {name: score.value for name, score in meter.scores(replicates=2).items()}
    scores = {task.headline: values.pop(task.headline), **values}
    return task.judge(outputs, truth, examples.decode), scores
