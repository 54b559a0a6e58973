"""Optimizers by name, each with the fastest implementation that this machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from textwright.core.errors import ModelError
from textwright.learn.settings import OptimizerName, OptimizerSettings

_Groups = Iterable[dict[str, Any]]


def _adamw(groups: _Groups, settings: OptimizerSettings) -> Optimizer:
    # fused is three times the loop on a CPU, foreach slower than the loop (docs/log.md)
    return AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay, fused=True)


def _adam(groups: _Groups, settings: OptimizerSettings) -> Optimizer:
    return Adam(groups, lr=settings.rate, fused=True)


def _sgd(groups: _Groups, settings: OptimizerSettings) -> Optimizer:
    return SGD(
        groups, lr=settings.rate, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=True
    )


OPTIMIZERS: Mapping[OptimizerName, Callable[[_Groups, OptimizerSettings], Optimizer]] = MappingProxyType(
    {"adamw": _adamw, "adam": _adam, "sgd": _sgd}
)


def build_optimizer(model: nn.Module, settings: OptimizerSettings) -> Optimizer:
    """Weight decay on matrices only, not on embeddings, biases, gains. Raises ModelError if all is frozen."""
    embedded = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise ModelError("the model has no weights that may change", hint="Freeze less of it.")
    decayed = [p for p in trained if p.ndim > 1 and id(p) not in embedded]
    plain = [p for p in trained if p.ndim <= 1 or id(p) in embedded]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
    return OPTIMIZERS[settings.name]([group for group in groups if group["params"]], settings)
