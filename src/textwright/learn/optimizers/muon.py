"""Muon with all matrices of one shape orthogonalised at once, where torch takes one after the other.

Shapes: M matrices of one shape, R rows, C columns, R at most C.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from textwright.learn.sharded.tensors import part_like, whole
from textwright.runtime.compute import multiplies_bf16

# Of the polynomial that torch.optim.Muon uses, and how often.
_A, _B, _C, _TIMES = 3.4445, -4.7750, 2.0315, 5
_EPSILON = 1e-7


class Muon(torch.optim.Muon):
    """The updates of torch.optim.Muon with Nesterov's momentum and AdamW's size, but for rounding.

    Of matrices in parts each process makes the whole update, and takes the rows that it holds.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            wide: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                update = self._with_momentum(parameter, group["momentum"])
                rows, columns = parameter.shape
                wide.setdefault((min(rows, columns), max(rows, columns)), []).append((parameter, update))
            for shape, members in wide.items():
                self._move(shape, members, group["lr"], group["weight_decay"])

    def _with_momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter.grad)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(buffer, momentum)

    def _move(
        self, shape: tuple[int, int], members: list[tuple[Tensor, Tensor]], rate: float, decay: float
    ) -> None:
        updates = [whole(update) for _, update in members]
        stacked = torch.stack([u if u.shape == shape else u.t() for u in updates])
        size = rate * 0.2 * math.sqrt(shape[1])
        for (parameter, _), update in zip(members, orthogonalised(stacked), strict=True):
            update = update if parameter.shape == shape else update.t()
            parameter.mul_(1 - rate * decay)
            parameter.add_(part_like(update, parameter), alpha=-size)


def orthogonalised(updates_MRC: Tensor) -> Tensor:
    """Each matrix with its singular values brought near one, by Newton and Schulz.

    In bfloat16, as torch does it, where the hardware multiplies it: elsewhere that is most of a fit's time.
    """
    x = updates_MRC.bfloat16() if multiplies_bf16(updates_MRC.device.type) else updates_MRC.float()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(_EPSILON)
    for _ in range(_TIMES):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x
