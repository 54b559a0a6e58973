"""A copy of a network whose large products are made in bfloat16, its weights kept so: for answering only.

Writing text token by token reads every weight for a handful of products: half the bytes are half the time.

Shapes: K inputs, N outputs.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.pytorch_utils import Conv1D

from textwright.models.fast.linear import LEAST_SIZE

Network = TypeVar("Network", bound=nn.Module)


class StoredLinear(nn.Module):
    """A linear layer (K to N) that cannot learn; answers in the type that came in."""

    def __init__(self, weight_NK: Tensor, bias_N: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weight", weight_NK.detach().bfloat16().contiguous(), persistent=False)
        self.register_buffer("bias", None if bias_N is None else bias_N.detach().bfloat16(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.bfloat16(), self.weight, self.bias).to(x.dtype)  # type: ignore[arg-type]


@torch.no_grad()
def stored(network: Network) -> Network:
    """The copy; small layers stay as they are."""
    made = copy.deepcopy(network).eval()
    for name, layer in list(made.named_modules()):
        if isinstance(layer, nn.Linear | Conv1D) and min(layer.weight.shape) >= LEAST_SIZE:
            weight = layer.weight.t() if isinstance(layer, Conv1D) else layer.weight
            made.set_submodule(name, StoredLinear(weight, layer.bias))
    return made
