"""R-Drop (arXiv:2106.14448): two passes of the same rows, with other dropout, should answer the same.

The loop adds `r_drop` times this distance to the mean of the losses of both passes; the paper's alpha, which
is beside their sum, is twice as high.

Shapes: B batch, C outputs, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.learn.objectives import UNTOLD, Loss

# How far the outputs of two passes are apart, and what they are to tell.
Divergence = Callable[[Any, Any, Tensor], Loss]

# What the outputs of each link say the answer is on average.
_MEANS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "softmax": lambda outputs_BC: outputs_BC.softmax(-1),
        "sigmoid": lambda outputs_BC: outputs_BC.sigmoid(),
        "identity": lambda outputs_BC: outputs_BC,
    }
)


def divergence_for(link: str) -> Callable[..., Loss]:
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

    def divergence(first_BC: Tensor, second_BC: Tensor, targets: Tensor | None = None) -> Loss:
        gap_BC = (mean(first_BC) - mean(second_BC)) * (first_BC - second_BC)
        return Loss(gap_BC.sum() / 2, len(first_BC))

    return divergence


def told_divergence(first_BTV: Any, second_BTV: Any, targets_BT: Tensor) -> Loss:
    """The same of each token that is told, as `told_token` counts them: a sum, so that parts of a step and
    processes add up to the whole.

    Logits that are not made yet bring their own `divergence`.

    >>> import torch
    >>> logits, targets = torch.tensor([[[0.0, 1.0], [0.0, 9.0]]]), torch.tensor([[1, UNTOLD]])
    >>> told_divergence(logits, -logits, targets)
    Loss(total=tensor(0.4621), count=1)
    """
    is_told_BT = targets_BT != UNTOLD
    if not isinstance(first_BTV, Tensor):
        return Loss(first_BTV.divergence(second_BTV, is_told_BT), int(is_told_BT.sum()))
    first_NV, second_NV = first_BTV[is_told_BT].float(), second_BTV[is_told_BT].float()
    gap_NV = (first_NV.softmax(-1) - second_NV.softmax(-1)) * (first_NV - second_NV)
    return Loss(gap_NV.sum() / 2, len(first_NV))
