"""Put the fast path into a network for a fit, and take it out again.

Outside of a fit a network is what its class says: float32, and the same logits in the Hugging Face library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from textwright.models.fast import attention
from textwright.models.fast.dropout import hook_dropouts, restore_dropouts, swap_dropouts
from textwright.models.fast.linear import CAST, cast_linears, restore_linears

Example = tuple[Tensor, ...]


@contextmanager
def accelerated(
    network: nn.Module, precision: str, example: Example, *, compiles: bool = False, is_fixed: bool = False
) -> Iterator[list[str]]:
    """The network made quick in place, for as long as the block lasts; what was done, in words.

    `example` is what the network is called with, a small batch (ids (B, T), mask (B, T)), on which each
    change is tried before it is kept: a network that a change breaks is used without it. With `is_fixed`
    nearly all batches of the fit have the shape of the example, and what is compiled is compiled for that.
    """
    done: list[str] = []
    undo: list[Callable[[], None]] = []
    try:
        compilers = (_compile_fixed if is_fixed else _compile,) if compiles else ()
        for change in (*CHANGES, *compilers):
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
    taken = attention.use(model) and _works(network, example)
    if taken:
        return "attention by length", lambda: model.set_attn_implementation(before)
    model.set_attn_implementation(before)
    return None


def _swap_dropout(network: nn.Module, precision: str, example: Example) -> _Taken:
    if next(network.parameters()).device.type != "cpu":  # a GPU draws quickly by itself
        return None
    layers, hooked = swap_dropouts(network), hook_dropouts(network)

    def back() -> None:
        restore_dropouts(layers)
        for undo in hooked:
            undo()

    return ("quick dropout", back) if layers or hooked else None


def _cast(network: nn.Module, precision: str, example: Example) -> _Taken:
    if precision != "bf16":
        return None
    if getattr(network, "casts_by_autocast", False):
        return _autocast(network, example)
    for closed in (False, True):
        layers = cast_linears(network, closed=closed)
        if layers and _works(network, example):
            count = sum(isinstance(layer, CAST) for layer in layers)
            return f"bf16 in {count} linear layers", partial(restore_linears, layers)
        restore_linears(layers)
    return _autocast(network, example)


def _autocast(network: nn.Module, example: Example) -> _Taken:
    """For networks without large linear layers: convolutions and recurrent cells."""
    forward, device = network.forward, next(network.parameters()).device.type

    def quick(*args: Any, **named: Any) -> Any:
        if not network.training:
            return forward(*args, **named)
        with torch.autocast(device, torch.bfloat16):
            return forward(*args, **named)

    back = _replace_forward(network, quick)
    if _works(network, example):
        return "autocast to bf16", back
    back()
    return "not in bf16, which fails here", lambda: None


def _compile(network: nn.Module, precision: str, example: Example) -> _Taken:
    """Each block of a stack by itself: they share one compilation, where a whole network takes minutes.

    Batches have many lengths, hence dynamic shapes. Random numbers are drawn by torch's own kernels, so that
    a seed means the same; validation is not compiled, which would cost as much again.
    """
    return _compiled(network, example, partial(_compile_in_training, dynamic=True))


def _compile_fixed(network: nn.Module, precision: str, example: Example) -> _Taken:
    """The same for one shape: batches of another, such as the last of an epoch, are not compiled."""
    shapes = frozenset(given.shape[:2] for given in example)
    return _compiled(network, example, partial(_compile_in_training, dynamic=False, shapes=shapes))


def _compiled(
    network: nn.Module, example: Example, compile_block: Callable[[nn.Module], Callable[[], None]]
) -> _Taken:
    compiled = ExitStack()
    blocks = blocks_of(network)
    for block in blocks:
        compiled.callback(compile_block(block))
    if not _works(network, example):
        compiled.close()
        return "not compiled, which fails here", compiled.close
    return f"{len(blocks)} blocks compiled", compiled.close


def blocks_of(network: nn.Module) -> list[nn.Module]:
    """The layers of the longest stack of layers of one class, or else the network itself; of a network that
    reads with one stack and tells with another, those of both.
    """
    stacks = [list(m) for m in network.modules() if isinstance(m, nn.ModuleList)]
    alike = [stack for stack in stacks if len(stack) > 1 and len({type(m) for m in stack}) == 1]
    config = getattr(getattr(network, "model", None), "config", None)
    if getattr(config, "is_encoder_decoder", False) and alike:
        return [block for stack in alike for block in stack]
    return max(alike, key=len, default=[network])


def _compile_in_training(
    block: nn.Module, *, dynamic: bool, shapes: frozenset[torch.Size] = frozenset()
) -> Callable[[], None]:
    plain = block.forward
    quick = torch.compile(plain, dynamic=dynamic, options={"fallback_random": True})

    def forward(*args: Any, **named: Any) -> Any:
        is_quick = block.training and (not shapes or args[0].shape[:2] in shapes)
        return (quick if is_quick else plain)(*args, **named)

    return _replace_forward(block, forward)


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
