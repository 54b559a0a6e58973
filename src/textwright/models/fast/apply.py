"""Put the fast path into a network for a fit, and take it out again.

Outside of a fit a network is what its class says: float32, and the same logits in the Hugging Face library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from textwright.models.fast import attention
from textwright.models.fast.dropout import restore_dropouts, swap_dropouts
from textwright.models.fast.linear import CastLinear, ClosedCastLinear, cast_linears, restore_linears

Example = tuple[Tensor, Tensor]


@contextmanager
def accelerated(
    network: nn.Module, precision: str, example: Example, *, compiles: bool = False
) -> Iterator[list[str]]:
    """The network made quick in place, for as long as the block lasts; what was done, in words.

    `example` is a small batch (ids (B, T), mask (B, T)) on which each change is tried before it is kept: a
    network that a change breaks is used without it.
    """
    done: list[str] = []
    undo: list[Callable[[], None]] = []
    try:
        for change in (*CHANGES, _compile) if compiles else CHANGES:
            taken = change(network, precision, example)
            if taken is not None:
                what, back = taken
                done.append(what)
                undo.append(back)
        yield done
    finally:
        for back in reversed(undo):
            back()


_Taken = tuple[str, Callable[[], None]] | None


def _choose_attention(network: nn.Module, precision: str, example: Example) -> _Taken:
    model: Any = getattr(network, "model", None)
    if not hasattr(model, "set_attn_implementation") or next(network.parameters()).device.type != "cpu":
        return None
    before = model.config._attn_implementation
    attention.register()

    def back() -> None:
        model.set_attn_implementation(before)

    try:
        model.set_attn_implementation(attention.NAME)
    except (ValueError, ImportError, AttributeError):
        return None
    if _works(network, example):
        return "attention by length", back
    back()
    return None


def _swap_dropout(network: nn.Module, precision: str, example: Example) -> _Taken:
    layers = swap_dropouts(network)
    return ("quick dropout", lambda: restore_dropouts(layers)) if layers else None


def _cast(network: nn.Module, precision: str, example: Example) -> _Taken:
    if precision != "bf16":
        return None
    for kind in (CastLinear, ClosedCastLinear):
        layers = cast_linears(network, kind)
        if layers and _works(network, example):
            return f"{len(layers)} linear layers in bf16", partial(restore_linears, layers)
        restore_linears(layers)
    return _autocast(network)


def _autocast(network: nn.Module) -> _Taken:
    """For networks without large linear layers: convolutions and recurrent cells."""
    forward, device = network.forward, next(network.parameters()).device.type

    def quick(*args: Any, **named: Any) -> Any:
        if not network.training:
            return forward(*args, **named)
        with torch.autocast(device, torch.bfloat16):
            return forward(*args, **named)

    return "autocast to bf16", _replace_forward(network, quick)


def _compile(network: nn.Module, precision: str, example: Example) -> _Taken:
    """Batches have many lengths, hence dynamic shapes; without a C++ compiler nothing happens."""
    back = _replace_forward(network, torch.compile(network.forward, dynamic=True))
    if _works(network, example):
        return "compiled", back
    back()
    return None


def _replace_forward(network: nn.Module, forward: Callable[..., Any]) -> Callable[[], None]:
    before = network.__dict__.get("forward")
    network.forward = forward

    def back() -> None:
        del network.__dict__["forward"]
        if before is not None:
            network.forward = before

    return back


CHANGES = (_choose_attention, _swap_dropout, _cast)


def _works(network: nn.Module, example: Example) -> bool:
    """Forward and backward run on the example, with gradients that are numbers."""
    was_training = network.training
    network.train()
    try:
        with torch.random.fork_rng(devices=[]):
            network(*example).logits.float().square().sum().backward()
        return all(_is_finite(p.grad) for p in network.parameters() if p.grad is not None)
    except (RuntimeError, TypeError, ValueError, AttributeError):
        return False
    finally:
        network.zero_grad(set_to_none=True)
        network.train(was_training)


def _is_finite(gradient: Tensor) -> bool:
    values = gradient.coalesce().values() if gradient.is_sparse else gradient
    return bool(values.isfinite().all())
