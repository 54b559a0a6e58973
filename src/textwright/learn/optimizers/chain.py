"""Several torch optimizers that share a network, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch.optim import Optimizer


class Stepper(Protocol):
    """What the loop and the checkpoints ask of an optimizer, be it one of torch or a `Chain`.

    The loop sets "lr" of each group to the rate of the moment times the group's "factor".
    """

    @property
    def param_groups(self) -> list[dict[str, Any]]: ...

    def step(self) -> None: ...

    def zero_grad(self, set_to_none: bool = True) -> None: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


class Chain:
    """Optimizers of disjoint parameters. Its state is numbered through, as that of a single one."""

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        self.parts = tuple(parts)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts for group in part.param_groups]

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        whole: dict[str, Any] = {"state": {}, "param_groups": []}
        for part, start in zip(self.parts, self._starts(), strict=True):
            found = part.state_dict()
            whole["state"] |= {start + index: slots for index, slots in found["state"].items()}
            whole["param_groups"] += [
                {**group, "params": [start + index for index in group["params"]]}
                for group in found["param_groups"]
            ]
        return whole

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raises ValueError when the groups are not those of this chain."""
        groups, state = list(state_dict["param_groups"]), state_dict["state"]
        if len(groups) != len(self.param_groups):
            raise ValueError(f"{len(groups)} parameter groups for {len(self.param_groups)}")
        for part, start in zip(self.parts, self._starts(), strict=True):
            taken = [groups.pop(0) for _ in part.param_groups]
            own = [{**group, "params": [index - start for index in group["params"]]} for group in taken]
            end = start + _num_parameters(part)
            slots = {index - start: slots for index, slots in state.items() if start <= index < end}
            part.load_state_dict({"state": slots, "param_groups": own})

    def _starts(self) -> list[int]:
        """The number of the first parameter of each part."""
        return [sum(map(_num_parameters, self.parts[:i])) for i in range(len(self.parts))]


def _num_parameters(part: Optimizer) -> int:
    return sum(len(group["params"]) for group in part.param_groups)
