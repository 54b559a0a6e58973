"""Turn a fit that is whole into one in shards, where it begins or where it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from textwright.learn.checkpoint import gathered, restore
from textwright.learn.folder import Groups
from textwright.learn.loop import Fit
from textwright.learn.sharded.shards import Shards
from textwright.learn.sharded.tensors import is_part, part_like


def split(fit: Fit, blocks: Sequence[nn.Module], shell: nn.Module) -> None:
    """From here on each process of `fit.ranks` holds its part of all that the fit has learned.

    `blocks` are parts of the model that are passed one after the other; `shell` as `shell_of` gives it. Every
    process must hold the same fit, and call it at the same time.
    """
    stored = gathered(fit) if fit.state.step else None
    fit.shards = Shards.of(fit.model, blocks, shell, fit.ranks, fit.compute.device)
    fit.equip()
    if stored is not None:
        groups, record = stored
        restore(fit, record, _parts(groups, fit.model))


def _parts(groups: Groups, model: nn.Module) -> Groups:
    """Of each tensor that is as large as a weight, and of it by its name, the rows that lie here."""
    weights = {name: value for name, value in model.state_dict().items() if is_part(value)}
    return {
        group: {name: _part(name, value, weights) for name, value in tensors.items()}
        for group, tensors in groups.items()
    }


def _part(name: str, value: Tensor, weights: dict[str, Tensor]) -> Tensor:
    of_average, of_slot = name.partition(".")[2], name.rpartition(".")[0]
    for owner in (name, of_average, of_slot):
        if owner in weights and weights[owner].shape == value.shape:
            return part_like(value, weights[owner])
    return value
