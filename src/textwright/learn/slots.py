"""What an optimizer has gathered, by the names of the parameters: so checkpoints hold it.

Numbers, which torch goes by, depend on the device: there a large table is learned by itself, here with the
others, and by another optimizer, which gathers something else.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from textwright.learn.optimizers import Stepper
from textwright.learn.optimizers.chain import Chain

Owners = dict[str, str]


def owners(optimizer: Stepper, model: nn.Module) -> Owners:
    """Which kind of optimizer learns each parameter, in the order in which `state_dict` numbers them."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    parts = optimizer.parts if isinstance(optimizer, Chain) else (optimizer,)
    return {
        names[id(parameter)]: type(part).__name__
        for part in parts
        for group in part.param_groups
        for parameter in group["params"]
    }


def by_name(state: dict[str, Any], own: Owners) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The slots of a `state_dict` as NAME.SLOT: tensors, and what is not."""
    names = list(own)
    slots = {f"{names[i]}.{slot}": v for i, named in state["state"].items() for slot, v in named.items()}
    tensors = {key: value for key, value in slots.items() if isinstance(value, Tensor)}
    return tensors, {key: value for key, value in slots.items() if key not in tensors}


def by_number(slots: dict[str, Any], stored: Owners, own: Owners, groups: list[Any]) -> dict[str, Any]:
    """The reverse, for an optimizer with `own` parameters in `groups`.

    What another kind of optimizer gathered is left out: the one at hand starts it anew. Raises KeyError when
    a name is unknown.
    """
    numbers = {name: number for number, name in enumerate(own)}
    state: dict[int, dict[str, Any]] = {}
    for key, value in slots.items():
        name, _, slot = key.rpartition(".")
        if stored[name] == own[name]:
            state.setdefault(numbers[name], {})[slot] = value
    return {"state": state, "param_groups": groups}


def changed(stored: Owners, own: Owners) -> list[str]:
    """What to say about each parameter whose optimizer is of another kind now."""
    return [
        f"{name} was learned by {stored[name]} and is by {kind} here, which starts anew with it"
        for name, kind in own.items()
        if stored[name] != kind
    ]
