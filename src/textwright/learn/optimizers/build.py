"""Optimizers by name, each with the fastest implementation that this machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from textwright.core.errors import ConfigError
from textwright.learn.optimizers.chain import Chain, Stepper
from textwright.learn.optimizers.lazy import LazyAdam
from textwright.learn.optimizers.muon import Muon
from textwright.learn.optimizers.weights import Weight, groups, trained_weights
from textwright.learn.settings import OptimizerName, OptimizerSettings


@dataclass(frozen=True)
class Numbers:
    """The settings of an optimizer, every `auto` resolved; weights that are not whole are in shards."""

    rate: float
    decay: float
    momentum: float
    is_whole: bool


Maker = Callable[[Sequence[Weight], Numbers], list[Optimizer]]


@dataclass(frozen=True)
class Entry:
    """How an optimizer is made, and how much higher its rates are than AdamW's.

    AdamW divides a gradient by its usual size, and gradients are small; descent along the gradient itself
    needs as much more.
    """

    make: Maker
    scale: float = 1.0


def _adamw(weights: Sequence[Weight], use: Numbers) -> list[Optimizer]:
    # fused is three times the loop on a CPU, foreach slower than the loop (docs/log.md)
    dense = [weight for weight in weights if not weight.is_lazy]
    made = [AdamW(groups(dense, use.rate, use.decay), lr=use.rate, fused=True)] if dense else []
    return [*made, *_lazy(weights, use)]


def _adam(weights: Sequence[Weight], use: Numbers) -> list[Optimizer]:
    dense = [weight for weight in weights if not weight.is_lazy]
    made = [Adam(groups(dense, use.rate), lr=use.rate, fused=True)] if dense else []
    return [*made, *_lazy(weights, use)]


def _lazy(weights: Sequence[Weight], use: Numbers) -> list[Optimizer]:
    tables = [weight for weight in weights if weight.is_lazy]
    return [LazyAdam(groups(tables, use.rate), lr=use.rate)] if tables else []


def _sgd(weights: Sequence[Weight], use: Numbers) -> list[Optimizer]:
    own = groups(weights, use.rate, use.decay)
    return [SGD(own, lr=use.rate, momentum=use.momentum, fused=use.is_whole)]  # torch lacks it for shards


def _gd(weights: Sequence[Weight], use: Numbers) -> list[Optimizer]:
    """The gradient alone; the loop makes it that of all rows."""
    return [SGD(groups(weights, use.rate, use.decay), lr=use.rate, fused=use.is_whole)]


def _muon(weights: Sequence[Weight], use: Numbers) -> list[Optimizer]:
    """Muon for hidden matrices, AdamW for all else (arXiv:2502.16982, whose scaling shares AdamW's rate)."""
    hidden = [weight for weight in weights if weight.is_hidden]
    if not hidden:
        raise ConfigError(
            "learn.optimizer.name=muon is for hidden matrices, of which this network learns none: "
            "it would be adamw by another name",
            hint="Use adamw.",
        )
    chosen = groups(hidden, use.rate, use.decay)
    muon = Muon(chosen, lr=use.rate, momentum=use.momentum, adjust_lr_fn="match_rms_adamw")
    return [muon, *_adamw([weight for weight in weights if not weight.is_hidden], use)]


OPTIMIZERS: Mapping[OptimizerName, Entry] = MappingProxyType(
    {
        "adamw": Entry(_adamw),
        "adam": Entry(_adam),
        "sgd": Entry(_sgd, scale=300.0),
        "gd": Entry(_gd, scale=3000.0),
        "muon": Entry(_muon),
    }
)
# What matrices lose is the rate times the decay. Divided by the scale it is the same for all: 0.01 with the
# rates of sgd would leave nothing of an lstm (60 instead of 79 % right on trec after 8 epochs).
_ADAMW_DECAY = 0.01


def weight_decay(settings: OptimizerSettings) -> float:
    """The decay asked for, or the usual one; plain adam has none."""
    if settings.name == "adam":
        return 0.0
    usual = _ADAMW_DECAY / OPTIMIZERS[settings.name].scale
    return usual if settings.weight_decay == "auto" else settings.weight_decay


def build_optimizer(model: nn.Module, settings: OptimizerSettings, *, is_whole: bool = True) -> Stepper:
    """The optimizer of all weights of `model` that may change, in groups with a "lr" and a "factor".

    Weight decay acts on matrices only, not on embeddings, biases, gains. With adamw, adam and muon on a CPU,
    embedding tables from 500,000 numbers on are made to give sparse gradients, and only the rows that occur
    are changed; not of a model that is to be in shards (`is_whole` is false). Raises ModelError if all is
    frozen; ConfigError when `layer_decay` finds no layers, Muon no hidden matrices, or the rate is auto.

    >>> model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    >>> optimizer = build_optimizer(model, OptimizerSettings(rate=0.001, weight_decay=0.1))
    >>> [(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups]
    [(1, 0.1), (2, 0.0)]
    """
    if settings.rate == "auto":
        raise ConfigError("learn.optimizer.rate is still auto", hint="Give a number, such as 0.001.")
    entry, weights = OPTIMIZERS[settings.name], trained_weights(model, settings.layer_decay)
    if not is_whole:
        weights = [replace(weight, is_lazy=False) for weight in weights]
    numbers = Numbers(settings.rate, weight_decay(settings), settings.momentum, is_whole)
    parts = entry.make(weights, numbers)
    lazy = {
        id(p) for part in parts if isinstance(part, LazyAdam) for g in part.param_groups for p in g["params"]
    }
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            module.sparse = id(module.weight) in lazy
    return parts[0] if len(parts) == 1 else Chain(parts)
