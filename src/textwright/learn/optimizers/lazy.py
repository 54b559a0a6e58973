"""Adam for large embedding tables, of which a step sees some hundred rows.

Shapes: V vocabulary, D width, R rows that occurred.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


class LazyAdam(Optimizer):
    """Adam without momentum, which moves no row but those that the gradient holds: it touches only these.

    Exactly torch.optim.Adam with betas of 0 and 0.999: how often a row occurred counts in the mean of its
    squares, which fades by the steps since then when the row is next seen. torch.optim.SparseAdam, which
    keeps momentum and lets nothing fade meanwhile, moves rare rows ten times less than Adam does and made
    networks from scratch worse (docs/log.md).
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "beta": 0.999, "eps": 1e-8})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for table_VD in group["params"]:
                if table_VD.grad is not None:
                    self._update(table_VD, group)

    def _update(self, table_VD: nn.Parameter, group: dict[str, Any]) -> None:
        assert table_VD.grad is not None
        # A table whose weights are also used without its module gets a dense gradient.
        gradient = table_VD.grad if table_VD.grad.is_sparse else table_VD.grad.to_sparse(1)
        gradient = gradient.coalesce()
        rows_R, gradient_RD = gradient.indices()[0], gradient.values()
        state, beta = self.state[table_VD], group["beta"]
        if not state:
            state["step"], state["seen"] = torch.tensor(0.0), table_VD.new_zeros(len(table_VD))
            state["exp_avg_sq"] = torch.zeros_like(table_VD)
        state["step"] += 1
        step = float(state["step"])
        faded_R = beta ** (step - state["seen"].index_select(0, rows_R))
        square_RD = state["exp_avg_sq"].index_select(0, rows_R).mul_(faded_R.unsqueeze(1))
        square_RD.addcmul_(gradient_RD, gradient_RD, value=1 - beta)
        state["exp_avg_sq"].index_copy_(0, rows_R, square_RD)
        state["seen"].index_fill_(0, rows_R, step)
        size_RD = square_RD.sqrt_().div_((1 - beta**step) ** 0.5).add_(group["eps"])
        table_VD.index_add_(0, rows_R, gradient_RD / size_RD, alpha=-group["lr"])
