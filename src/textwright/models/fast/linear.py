"""Linear layers that compute in bfloat16 and learn in float32.

The weights stay float32 (masters); each pass casts them and what enters. On processors with AVX512-BF16
or AMX a product takes less than half the time. What leaves is bfloat16 where the rest of the network can
take it, so that the parts between the products are lighter too.

Shapes: K inputs, N outputs.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

# Smaller products gain nothing.
_LEAST_SIZE = 64


class CastLinear(nn.Linear):
    """A Linear (K to N) whose product is made in bfloat16; answers bfloat16."""

    def forward(self, input: Tensor) -> Tensor:
        return _product(self, input)


class ClosedCastLinear(nn.Linear):
    """As CastLinear, but answers in the type that came in: for networks that mix in types of their own."""

    def forward(self, input: Tensor) -> Tensor:
        return _product(self, input).to(input.dtype)


class ExactLinear(nn.Linear):
    """A Linear that stays as it is among the others: takes bfloat16, computes and answers in its own type."""

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input.to(self.weight.dtype), self.weight, self.bias)


def _product(layer: nn.Linear, x: Tensor) -> Tensor:
    bias = None if layer.bias is None else layer.bias.bfloat16()
    return F.linear(x.bfloat16(), layer.weight.bfloat16(), bias)


def cast_linears(network: nn.Module, kind: type[nn.Linear]) -> list[nn.Linear]:
    """Turn every plain Linear into `kind`, in place, small ones and the last, which is the head, into exact
    ones; all that were turned, or none when there is nothing to cast.
    """
    plain = [m for m in network.modules() if type(m) is nn.Linear]
    large = [m for m in plain[:-1] if min(m.weight.shape) >= _LEAST_SIZE]
    if not large:
        return []
    for layer in plain:
        layer.__class__ = ExactLinear
    for layer in large:
        layer.__class__ = kind
    return plain


def restore_linears(layers: list[nn.Linear]) -> None:
    for layer in layers:
        layer.__class__ = nn.Linear
