"""Which scores a model can be chosen by and its answers tuned to, and which one suits the data.

Shapes: N rows, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.measure.tally import Tally
from textwright.tasks.base import FloatArray, Task
from textwright.text.schema import Schema
from textwright.text.targets import Targets

AUTO = "auto"
# Names as the meters have them. Not `ece`: a model that always answers with the shares of the labels is
# perfect in it.
METRICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classify": ("accuracy", "macro_f1", "precision", "recall", "mcc", "log_loss", "brier", "auc"),
        "multilabel": ("micro_f1", "macro_f1", "accuracy", "precision", "recall", "log_loss", "brier"),
        "score": ("mse", "mae", "pearson", "spearman"),
    }
)
# What other answers than the most probable ones can raise. For the best accuracy these are the answers; and
# precision or recall over all pairs of a row and a label are best where nothing, or everything, is answered.
TUNABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classify": ("macro_f1", "precision", "recall", "mcc"),
        "multilabel": ("micro_f1", "macro_f1"),
        "score": (),
    }
)
# Below this evenness labels are called uneven. Two labels are so at 17 to 83.
EVEN, EVEN_OF_TWO = 0.80, 0.65


def chosen_metric(task: Task, asked: str, targets: Targets, schema: Schema) -> tuple[str, str]:
    """The score to choose by, and why: what was asked, or for `auto` what suits the targets (N,).

    The headline of the task; for one label a row `macro_f1` where the labels are uneven. Evenness is the
    Shannon entropy of the shares of the labels over that of equal shares (Pielou 1966): 1 where all are
    equally common. Raises ConfigError for a name that the task does not have.

    >>> from textwright.tasks.base import TASKS
    >>> schema = Schema(task="classify", text="text", label="label", labels=["ham", "spam"])
    >>> chosen_metric(TASKS.get("classify"), "auto", np.array([0] * 9 + [1]), schema)[0]
    'macro_f1'
    """
    known = METRICS[task.name]
    if asked != AUTO:
        if asked not in known:
            hint = did_you_mean(asked, (AUTO, *known))
            raise ConfigError(f"{asked!r} is no metric of the task {task.name}", hint=hint)
        return asked, "as asked"
    if task.name != "classify" or not len(targets):
        return task.headline, f"the headline score of the task {task.name}"
    num_labels, limit = len(schema.labels), EVEN_OF_TWO if len(schema.labels) == 2 else EVEN
    found = evenness(targets.astype(np.int64), num_labels)
    if found >= limit:
        numbers = f"evenness {found:.3f}, at least {limit:g} for {num_labels} labels"
        return task.headline, f"the labels are even enough: {numbers}"
    commonest = float(np.bincount(targets.astype(np.int64)).max() / len(targets))
    numbers = f"evenness {found:.3f}, below {limit:g} for {num_labels} labels"
    return "macro_f1", (
        f"the labels are uneven, the commonest has {commonest:.1%} of the rows: {numbers}; "
        "so each label counts alike"
    )


def evenness(ids: Targets, num_labels: int) -> float:
    """Entropy of the shares of class ids (N,) over ln C.

    >>> round(evenness(np.array([0, 0, 0, 1]), 2), 3), round(evenness(np.array([0, 1, 2]), 3), 3)
    (0.811, 1.0)
    """
    shares = np.bincount(ids, minlength=num_labels) / len(ids)
    some = shares[shares > 0]
    return max(0.0, float(-(some * np.log(some)).sum() / np.log(num_labels)))


def of_tally(metric: str, tally: Tally) -> FloatArray:
    """A score (...) that follows from answers alone, from counts (..., C), as the meters have it.

    `precision` and `recall` are those of one label a row, means over the labels.
    """
    if metric == "micro_f1":
        return tally.micro().f1()[..., 0]
    if metric in ("accuracy", "mcc"):
        found: FloatArray = getattr(tally, metric)()
        return found
    return tally.macro(getattr(tally, metric.removeprefix("macro_"))())
