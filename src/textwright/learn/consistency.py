"""R-Drop (arXiv:2106.14448): two passes of the same rows, with other dropout, should answer the same.

The loop adds `r_drop` times this distance to the loss of both passes.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.learn.objectives import Loss

# What the outputs of each link say the answer is on average.
_MEANS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "softmax": lambda outputs_BC: outputs_BC.softmax(-1),
        "sigmoid": lambda outputs_BC: outputs_BC.sigmoid(),
        "identity": lambda outputs_BC: outputs_BC,
    }
)


def divergence_for(link: str) -> Callable[[Tensor, Tensor], Loss]:
    """How far two outputs (B, C) are apart: the mean of the Kullback-Leibler divergences in both directions.

    For classes it is that of two categorical distributions, for labels the sum of those of each yes or no,
    for scores half the squared distance, which is that of two normal distributions of spread one. All three
    are `(mean(a) - mean(b)) * (a - b) / 2`, as the normalising terms of the two directions cancel out: no
    logarithm, and finite for outputs of any size. Raises ConfigError for an unknown link.

    >>> import torch
    >>> divergence_for("identity")(torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [4.0]]))
    Loss(total=tensor(2.), count=2)
    """
    if link not in _MEANS:
        raise ConfigError(f"no divergence for the link {link!r}", hint=did_you_mean(link, _MEANS))
    mean = _MEANS[link]

    def divergence(first_BC: Tensor, second_BC: Tensor) -> Loss:
        gap_BC = (mean(first_BC) - mean(second_BC)) * (first_BC - second_BC)
        return Loss(gap_BC.sum() / 2, len(first_BC))

    return divergence
