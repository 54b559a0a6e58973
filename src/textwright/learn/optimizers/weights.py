"""Where each weight stands in its network, which decides how it is learned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from textwright.core.errors import ConfigError, ModelError

_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")
_HEADS = frozenset({"head", "classifier", "score", "output"})
# A dense step takes less than a millisecond below; for the 11.7 million numbers of a pre-trained encoder's
# table it is 30 ms, most of them for a gradient that is zeros, against 2 for the rows that occur.
_LAZY_NUMBERS = 500_000


@dataclass(frozen=True)
class Weight:
    """A parameter that is learned; `factor` is its share of the learning rate.

    `is_lazy` tells a table so large, and so alone, that only the rows that occur should be touched.
    """

    parameter: nn.Parameter
    factor: float
    is_embedding: bool
    is_head: bool
    is_lazy: bool

    @property
    def decays(self) -> bool:
        """Weight decay is for matrices, not for embeddings, biases, gains."""
        return self.parameter.ndim > 1 and not self.is_embedding

    @property
    def is_hidden(self) -> bool:
        """A matrix between the embeddings and the head: what Muon is made for."""
        is_matrix = self.parameter.ndim == 2 and min(self.parameter.shape) > 1
        return is_matrix and not self.is_embedding and not self.is_head


def trained_weights(model: nn.Module, layer_decay: float = 1.0) -> list[Weight]:
    """All weights that may change, in the order of the model.

    Raises ModelError when all is frozen; ConfigError when layers should differ and none that learns does.
    """
    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    embedded = {id(parameter) for table in tables for parameter in table.parameters()}
    uses = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    lazy = {id(table.weight) for table in tables if _is_lazy(table) and uses[id(table.weight)] == 1}
    heads, factors = _heads(model), _factors(model, layer_decay, embedded)
    found = [
        Weight(p, factors[name], id(p) in embedded, id(p) in heads, id(p) in lazy)
        for name, p in model.named_parameters()
        if p.requires_grad
    ]
    if not found:
        raise ModelError("the model has no weights that may change", hint="Freeze less of it.")
    if layer_decay != 1 and len({weight.factor for weight in found}) == 1:
        raise ConfigError(
            f"learn.optimizer.layer_decay={layer_decay:g}: all that learns here is one layer",
            hint="Leave it at 1, or freeze less of the network.",
        )
    return found


def groups(weights: Sequence[Weight], rate: float, weight_decay: float = 0.0) -> list[dict[str, Any]]:
    """Parameter groups as torch.optim takes them: those that decay first, the higher rates first."""
    kinds: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for weight in sorted(weights, key=lambda weight: (not weight.decays, -weight.factor)):
        kinds.setdefault((weight.decays, weight.factor), []).append(weight.parameter)
    return [
        {
            "params": parameters,
            "lr": rate * factor,
            "factor": factor,
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (decays, factor), parameters in kinds.items()
    ]


def _is_lazy(table: nn.Embedding) -> bool:
    weight = table.weight
    is_large = weight.requires_grad and weight.numel() >= _LAZY_NUMBERS
    # On an accelerator the dense step is fast, and rows by number are not.
    return is_large and weight.device.type == "cpu" and not table.scale_grad_by_freq


def _heads(model: nn.Module) -> set[int]:
    """The parameters that make the outputs: modules of a known name near the top, or the last linear one."""
    named = [(name.split("."), module) for name, module in model.named_modules()]
    heads = [module for path, module in named if len(path) <= 2 and path[-1] in _HEADS]
    linear = [module for _, module in named if isinstance(module, nn.Linear)]
    return {id(parameter) for module in heads or linear[-1:] for parameter in module.parameters()}


def _factors(model: nn.Module, layer_decay: float, embedded: set[int]) -> dict[str, float]:
    """The share of the rate for each parameter: `layer_decay` to the power of its depth below the head.

    After ELECTRA (arXiv:2003.10555). What stands before the first layer counts as embeddings, what follows
    the last one as head.
    """
    named = list(model.named_parameters())
    if layer_decay == 1:
        return {name: 1.0 for name, _ in named}
    layers = {name: int(found[1]) for name, _ in named if (found := _LAYER.search(name))}
    if not layers:
        raise ConfigError(
            f"learn.optimizer.layer_decay={layer_decay:g}: this network has no numbered layers, "
            "so there is no higher and lower one",
            hint="Leave it at 1, or take a network with layers, such as lstm or transformer.",
        )
    num_layers = max(layers.values()) + 1
    first = next(i for i, (name, _) in enumerate(named) if name in layers)
    depths = {
        name: num_layers - layers[name]
        if name in layers
        else num_layers + 1
        if i < first or id(parameter) in embedded
        else 0
        for i, (name, parameter) in enumerate(named)
    }
    return {name: layer_decay**depth for name, depth in depths.items()}
