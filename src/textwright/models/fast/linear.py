"""Linear layers that compute in bfloat16 and learn in float32.

The weights stay float32 (masters); each pass casts them and what enters. On processors with AVX512-BF16
or AMX a product takes less than half the time. What leaves is bfloat16 where the rest of the network can
take it, so that the parts between the products are lighter too.

Shapes: K inputs, N outputs.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from transformers.pytorch_utils import Conv1D

# Smaller products gain nothing.
LEAST_SIZE = 64


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


class CastConv1D(Conv1D):
    """The same of GPT-2's linear layer, whose weights (K, N) lie the other way."""

    def forward(self, x: Tensor) -> Tensor:
        return _product_of(self, x)


class ClosedCastConv1D(Conv1D):
    """As CastConv1D, but answers in the type that came in."""

    def forward(self, x: Tensor) -> Tensor:
        return _product_of(self, x).to(x.dtype)


class ExactConv1D(Conv1D):
    """A small one of them among the others."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.weight.dtype), self.weight.t(), self.bias)


# Of each class: what answers bfloat16, what answers in the type that came in, what computes as it was.
_KINDS: dict[type[nn.Module], tuple[type[nn.Module], type[nn.Module], type[nn.Module]]] = {
    nn.Linear: (CastLinear, ClosedCastLinear, ExactLinear),
    Conv1D: (CastConv1D, ClosedCastConv1D, ExactConv1D),
}


# Layers whose product is made in bfloat16.
CAST = (CastLinear, ClosedCastLinear, CastConv1D, ClosedCastConv1D)


def _product(layer: nn.Linear, x: Tensor) -> Tensor:
    bias = None if layer.bias is None else layer.bias.bfloat16()
    return F.linear(x.bfloat16(), layer.weight.bfloat16(), bias)


def _product_of(layer: Conv1D, x: Tensor) -> Tensor:
    return F.linear(x.bfloat16(), layer.weight.bfloat16().t(), layer.bias.bfloat16())


def cast_linears(network: nn.Module, *, closed: bool = False) -> list[nn.Module]:
    """Make the products of every large linear layer in bfloat16, in place, and let small ones, and the last,
    which is the head, stay exact; all layers that were turned, or none when there is nothing to cast.

    With `closed` what they answer is in the type that came in. A network whose head is as large as the rest
    of it, as that of a vocabulary is, has `casts_head`.
    """
    plain = [m for m in network.modules() if type(m) in _KINDS]
    heads = [] if getattr(network, "casts_head", False) else plain[-1:]
    large = [m for m in plain if m not in heads and min(_shape(m)) >= LEAST_SIZE]
    if not large:
        return []
    for layer in plain:
        open_kind, closed_kind, exact = _KINDS[type(layer)]
        layer.__class__ = exact if layer not in large else closed_kind if closed else open_kind
    return plain


def _shape(layer: nn.Module) -> tuple[int, ...]:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return tuple(weight.shape)


def restore_linears(layers: list[nn.Module]) -> None:
    for layer in layers:
        layer.__class__ = next(kind for kind in _KINDS if isinstance(layer, kind))
