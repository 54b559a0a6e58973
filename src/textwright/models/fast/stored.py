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

# Rows of a product that the order of the weights is chosen for; others work with it as well.
TYPICAL_ROWS = 16

Network = TypeVar("Network", bound=nn.Module)


class StoredLinear(nn.Module):
    """A linear layer (K to N) that cannot learn; answers in the type that came in.

    On a processor the weights lie as oneDNN reads them (`packed`), so that they need not be laid out anew for
    every product: for the few rows of a step of writing that is half of its time.
    """

    def __init__(self, weight_NK: Tensor, bias_N: Tensor | None) -> None:
        super().__init__()
        weight = weight_NK.detach().bfloat16().contiguous()
        self.packed = _packed(weight)
        self.register_buffer("weight", weight if self.packed is None else None, persistent=False)
        self.register_buffer("bias", None if bias_N is None else bias_N.detach().bfloat16(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.packed is None:
            return F.linear(x.bfloat16(), self.weight, self.bias).to(x.dtype)  # type: ignore[arg-type]
        found: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.bfloat16(), self.packed, self.bias, "none", [], ""
        )
        return found.to(x.dtype)


def _packed(weight_NK: Tensor) -> Tensor | None:
    """The weights in oneDNN's own order, as torch's compiler lays them; None where this torch cannot."""
    if weight_NK.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return None
    try:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight_NK, TYPICAL_ROWS)
        row = weight_NK.new_zeros(1, weight_NK.shape[1])
        torch.ops.mkldnn._linear_pointwise(row, packed, None, "none", [], "")
    except (AttributeError, RuntimeError):
        # torch has no public operator for it; another version may lack these.
        return None
    return packed


@torch.no_grad()
def stored(network: Network) -> Network:
    """The copy; small layers stay as they are."""
    made = copy.deepcopy(network).eval()
    for name, layer in list(made.named_modules()):
        if isinstance(layer, nn.Linear | Conv1D) and min(layer.weight.shape) >= LEAST_SIZE:
            weight = layer.weight.t() if isinstance(layer, Conv1D) else layer.weight
            made.set_submodule(name, StoredLinear(weight, layer.bias))
    return made
