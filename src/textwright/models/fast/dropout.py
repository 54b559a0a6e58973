"""Dropout whose mask costs a tenth: 16 random bits for each number, four numbers from one draw.

torch draws a float for each number, one after the other on a CPU; in a small encoder that is a tenth of a
step. The bits come from torch's generator, so seeds and checkpointed gradients work as with nn.Dropout.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

_LEVELS = 1 << 16


def fast_dropout(x: Tensor, p: float) -> Tensor:
    """Zero each number with probability `p` (to 1/65536) and scale the others so that the mean stays.

    >>> x = torch.ones(100_000)
    >>> float(fast_dropout(x, 0.25).mean().round(decimals=1))
    1.0
    """
    dropped = round(p * _LEVELS)
    if not dropped:
        return x
    size = ((x.numel() + 3) // 4,)
    bits = torch.randint(-(2**63), 2**63 - 1, size, dtype=torch.int64, device=x.device)
    kept = bits.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - _LEVELS // 2
    return x * (kept.to(x.dtype) * (_LEVELS / max(_LEVELS - dropped, 1)))


class FastDropout(nn.Dropout):
    """nn.Dropout with `fast_dropout`."""

    def forward(self, input: Tensor) -> Tensor:
        return fast_dropout(input, self.p) if self.training else input


def swap_dropouts(network: nn.Module) -> list[nn.Dropout]:
    """Turn every nn.Dropout into a FastDropout, in place; the ones that were turned."""
    turned = [m for m in network.modules() if type(m) is nn.Dropout and not m.inplace]
    for layer in turned:
        layer.__class__ = FastDropout
    return turned


def hook_dropouts(network: nn.Module) -> list[Callable[[], None]]:
    """The same for layers of BART's kind, which call torch's function by a number of theirs: what undoes it.

    It falls on what leaves attention and the second product of a layer, and on what enters the first layer.
    """
    undo: list[Callable[[], None]] = []
    for module in network.modules():
        p = getattr(module, "dropout", None)
        stack = getattr(module, "layers", None)
        ends = [module.get_submodule(name) for name in _ENDS if _has(module, name)]
        if not isinstance(p, float) or not p or not (ends or isinstance(stack, nn.ModuleList)):
            continue
        hooks = [end.register_forward_hook(partial(_dropped, p)) for end in ends]
        if isinstance(stack, nn.ModuleList):
            hooks.append(stack[0].register_forward_pre_hook(partial(_entering, p)))
        vars(module)["dropout"] = 0.0
        undo.append(partial(_unhook, module, p, hooks))
    return undo


_ENDS = ("self_attn.out_proj", "encoder_attn.out_proj", "fc2")


def _has(module: nn.Module, name: str) -> bool:
    try:
        module.get_submodule(name)
    except AttributeError:
        return False
    return True


def _dropped(p: float, layer: nn.Module, given: object, made: Tensor) -> Tensor:
    return fast_dropout(made, p) if layer.training else made


def _entering(p: float, layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (fast_dropout(given[0], p), *given[1:]) if layer.training else given


def _unhook(module: nn.Module, p: float, hooks: list[RemovableHandle]) -> None:
    vars(module)["dropout"] = p
    for hook in hooks:
        hook.remove()


def restore_dropouts(layers: list[nn.Dropout]) -> None:
    for layer in layers:
        layer.__class__ = nn.Dropout
