"""The length of all gradients and their scaling, where some may be rows of an embedding table (sparse)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from textwright.learn.sharded.tensors import whole


@torch.no_grad()
def gradient_length(parameters: Iterable[nn.Parameter]) -> Tensor:
    """The Euclidean length of all gradients together; zero where there is none.

    The same bits as `torch.nn.utils.clip_grad_norm_`, which does not take sparse gradients. Of gradients in
    parts it is the length of the whole.
    """
    return whole(nn.utils.get_total_norm(_numbers(parameters)))


@torch.no_grad()
def scale_gradients(parameters: Iterable[nn.Parameter], factor: float | Tensor) -> None:
    """Multiply every gradient by `factor`, in place."""
    for numbers in _numbers(parameters):
        numbers.mul_(factor)


def _numbers(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    """The gradients as dense tensors that share their memory, each row of a sparse one once."""
    found = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            # Kept, so that the optimizer need not add up the rows again.
            parameter.grad = parameter.grad.coalesce()
            found.append(parameter.grad.values())
        elif parameter.grad is not None:
            found.append(parameter.grad)
    return found
