"""The mean of the last states that were validated: checkpoint averaging, without files to average later."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textwright.learn.settings import AverageSettings


class Latest:
    """The plain mean of the weights at the last `count` validations, the newest among them.

    Vaswani et al. average five to twenty checkpoints so (arXiv:1706.03762, section 6.1), after the fit. Here
    each validation judges the mean as it is then, so that the best of these means is what is kept. It costs
    `count` more copies of the weights, and so does a checkpoint. Before the first validation there is none;
    where nothing is held out the states are taken when it would be judged.
    """

    def __init__(self, settings: AverageSettings, model: nn.Module) -> None:
        self.settings = settings
        self._count = 0
        self._states = [
            {name: torch.zeros_like(value) for name, value in learned(model).items()}
            for _ in range(settings.count)
        ]

    def update(self, model: nn.Module, progress: float) -> None:
        """A step changes nothing."""

    @torch.no_grad()
    def mark(self, model: nn.Module) -> None:
        """Take in the weights that are to be judged, in the place of the oldest."""
        place = self._states[self._count % len(self._states)]
        for name, value in learned(model).items():
            place[name].copy_(value)
        self._count += 1

    def weights(self) -> dict[str, Tensor] | None:
        """The mean by the names of the parameters; None before the first validation."""
        states = self._states[: self._count]
        if not states:
            return None
        return {name: sum((s[name] for s in states[1:]), states[0][name]) / len(states) for name in states[0]}

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs, as tensors for a checkpoint."""
        every = {f"{i}.{name}": value for i, s in enumerate(self._states) for name, value in s.items()}
        return {"count": torch.tensor(self._count), **every}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave. Raises KeyError or RuntimeError when it is of another model."""
        for i, own in enumerate(self._states):
            for name, value in own.items():
                value.copy_(state[f"{i}.{name}"])
        self._count = int(state["count"])


def learned(model: nn.Module) -> dict[str, Tensor]:
    """What may change of a model, by the names of its parameters; not copied."""
    named = model.named_parameters()
    return {name: p.detach() for name, p in named if p.requires_grad and p.is_floating_point()}
