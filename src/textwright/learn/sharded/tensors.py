"""Tensors that may be parts: each process holds some rows of them (`DTensor`). Others pass as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def is_part(tensor: Tensor) -> bool:
    """By what only a DTensor has: to import its class takes a second, and hardly any fit needs it."""
    return hasattr(tensor, "device_mesh")


def own_part(tensor: Any) -> Tensor:
    """The rows that this process holds."""
    found: Tensor = tensor.to_local() if is_part(tensor) else tensor
    return found


def whole(tensor: Any) -> Tensor:
    """All rows, of which every process that holds some must ask at once."""
    found: Tensor = tensor.full_tensor() if is_part(tensor) else tensor
    return found


def part_like(tensor: Tensor, other: Any) -> Tensor:
    """Of a tensor that is whole everywhere the rows that this process holds of `other`."""
    if not is_part(other):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    # Without a source nothing is sent: each process takes its rows of its own copy.
    made = distribute_tensor(tensor, other.device_mesh, other.placements, src_data_rank=None)
    return made.to(tensor.device)


def everywhere(verdict: bool, tensors: Iterable[Tensor]) -> bool:
    """Whether it is true for all processes, where these tensors are parts: all of them must ask at once.

    >>> everywhere(True, [torch.zeros(2)])
    True
    """
    if not any(is_part(tensor) for tensor in tensors):
        return verdict
    said = torch.tensor(float(verdict))
    torch.distributed.all_reduce(said, torch.distributed.ReduceOp.MIN)
    return bool(said)
