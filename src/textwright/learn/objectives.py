"""What is minimised: one loss for each link between outputs and answers, as a sum and a count.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean


@dataclass(frozen=True)
class Loss:
    """A sum over rows and how many they are; never a mean of means (transformers issue 34191)."""

    total: Tensor
    count: int

    @property
    def mean(self) -> Tensor:
        return self.total / self.count


Objective = Callable[[Tensor, Tensor], Loss]


def cross_entropy(logits_BC: Tensor, targets_B: Tensor) -> Loss:
    """One of C classes; targets are class ids."""
    return Loss(F.cross_entropy(logits_BC, targets_B.long(), reduction="sum"), len(targets_B))


def binary_cross_entropy(logits_BC: Tensor, targets_BC: Tensor) -> Loss:
    """Any of C labels, each yes or no; the sum over labels counts once a row."""
    targets_BC = targets_BC.to(logits_BC.dtype).reshape(logits_BC.shape)
    return Loss(F.binary_cross_entropy_with_logits(logits_BC, targets_BC, reduction="sum"), len(targets_BC))


def squared_error(outputs_BC: Tensor, targets_BC: Tensor) -> Loss:
    """Graded targets."""
    gap_BC = outputs_BC - targets_BC.to(outputs_BC.dtype).reshape(outputs_BC.shape)
    return Loss((gap_BC * gap_BC).sum(), len(targets_BC))


OBJECTIVES: dict[str, Objective] = {
    "softmax": cross_entropy,
    "sigmoid": binary_cross_entropy,
    "identity": squared_error,
}


def objective_for(link: str) -> Objective:
    """The loss that fits a link. Raises ConfigError."""
    if link not in OBJECTIVES:
        raise ConfigError(f"no objective for the link {link!r}", hint=did_you_mean(link, OBJECTIVES))
    return OBJECTIVES[link]
