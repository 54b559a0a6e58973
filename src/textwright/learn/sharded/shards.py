"""A model in shards: each process holds some rows of every weight, and sees the others while it needs them.

FSDP2 (`torch.distributed.fsdp.fully_shard`): the weights of a block are gathered before its pass and dropped
after it, and its gradients are added up where they belong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from textwright.learn.sharded.tensors import whole
from textwright.learn.state import Judgement
from textwright.runtime.ranks import Ranks

T = TypeVar("T")
Judge = Callable[[nn.Module], Judgement]


class _Root(nn.Module):
    """What FSDP takes for the network: its pass is whatever is asked for.

    So a loss that reads weights outside of their modules is made while these are whole.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, make: Callable[[], Any]) -> Any:
        return make()


@dataclass(frozen=True)
class Shards:
    """The parts that this process holds. All processes must make the same passes, or wait for each other.

    `shell` is the model without its weights, into which they are put in the end.
    """

    root: Any
    shell: nn.Module
    ranks: Ranks

    @classmethod
    def of(
        cls, model: nn.Module, blocks: Sequence[nn.Module], shell: nn.Module, ranks: Ranks, device: str
    ) -> Shards:
        """Split a model in place: the weights of each block are gathered by themselves, others at once."""
        mesh = init_device_mesh(device, (ranks.count,))
        for block in blocks:
            fully_shard(block, mesh=mesh)
        root: Any = fully_shard(_Root(model), mesh=mesh)
        for module in root.modules():
            if isinstance(module, FSDPModule):
                # Each loss is a share of the step already: gradients are added up, where FSDP takes means.
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(True)
        return cls(root, shell, ranks)

    def within(self, make: Callable[[], T]) -> T:
        """What `make` gives by passes through the model."""
        made: T = self.root(make)
        return made

    def judging(self, judge: Judge) -> Judge:
        """The same by all processes at once, of which the first is believed."""

        def judged(model: nn.Module) -> Judgement:
            found = self.within(lambda: judge(model))
            self.root.reshard()
            return replace(found, value=self.ranks.told(found.value))

        return judged

    def gathered(self, model: nn.Module) -> nn.Module:
        """The whole model, for the first process; the others keep their parts."""
        found = {}
        for name, value in model.state_dict().items():
            full = whole(value)
            if self.ranks.is_first:
                found[name] = full
        return _filled(self.shell, found) if self.ranks.is_first else model


def shell_of(model: nn.Module) -> nn.Module:
    """A copy that has no weights, but all else.

    >>> shell_of(nn.Linear(2, 3)).weight.device
    device(type='meta')
    """
    return _with(model, {p: torch.empty_like(p, device="meta") for p in model.parameters()})


def _filled(shell: nn.Module, found: Mapping[str, Tensor]) -> nn.Module:
    made = _with(shell, {p: found[name] for name, p in shell.named_parameters()})
    made.load_state_dict(found)  # buffers too
    return made


def _with(model: nn.Module, weights: Mapping[nn.Parameter, Tensor]) -> nn.Module:
    """A copy with other weights; those that are tied stay so."""
    memo: dict[int, Any] = {
        id(p): nn.Parameter(value.detach(), requires_grad=p.requires_grad) for p, value in weights.items()
    }
    return copy.deepcopy(model, memo)
