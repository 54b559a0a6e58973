"""Means of the weights over the steps: often better, and steadier, than the last weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import torch
from torch import Tensor, nn

from textwright.learn import memory
from textwright.learn.latest import Latest, learned
from textwright.learn.settings import AverageName, AverageSettings

_PREFIX = "weights."
_WITHOUT = "Take a smaller model, or leave out the average: --set learn.average.name=none."


class Average:
    """A running mean of what a model learns; it costs one more copy of these weights.

    `ema` forgets old steps exponentially. Its decay starts low and rises, as `(1 + n) / (10 + n)` after `n`
    steps, so that the first weights, which are chance, are soon forgotten. `mean` is the plain mean from the
    share `start` of the run on (stochastic weight averaging, arXiv:1803.05407).
    """

    def __init__(self, settings: AverageSettings, model: nn.Module) -> None:
        self.settings = settings
        self._count = 0
        self._mean = {name: torch.zeros_like(value) for name, value in learned(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, progress: float) -> None:
        """Take in the weights after a step; `progress` is the share of the run that is done."""
        if self.settings.name == "mean" and progress < self.settings.start:
            return
        share = self._share()
        for name, value in learned(model).items():
            self._mean[name].lerp_(value, share) if self._count else self._mean[name].copy_(value)
        self._count += 1

    def mark(self, model: nn.Module) -> None:
        """A validation changes nothing."""

    def _share(self) -> float:
        """How much of the mean the newest weights become."""
        if self.settings.name == "mean":
            return 1 / (self._count + 1)
        return 1 - min(self.settings.decay, (1 + self._count) / (10 + self._count))

    def weights(self) -> dict[str, Tensor] | None:
        """The mean by the names of the parameters; None before the first update."""
        return dict(self._mean) if self._count else None

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs, as tensors for a checkpoint."""
        means = {_PREFIX + name: value for name, value in self._mean.items()}
        return {"count": torch.tensor(self._count), **means}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave. Raises KeyError or RuntimeError when it is of another model."""
        for name, mean in self._mean.items():
            mean.copy_(state[_PREFIX + name])
        self._count = int(state["count"])


AnyAverage = Average | Latest
_KINDS: Mapping[AverageName, Callable[[AverageSettings, nn.Module], AnyAverage]] = MappingProxyType(
    {"ema": Average, "mean": Average, "last": Latest}
)


def build_average(settings: AverageSettings, model: nn.Module) -> AnyAverage | None:
    """The average asked for, of the weights that may change; None for `none`."""
    return None if settings.name == "none" else _KINDS[settings.name](settings, model)


@contextmanager
def averaged(model: nn.Module, average: AnyAverage | None) -> Iterator[None]:
    """Within it the model holds the averaged weights, where there are any; afterwards its own again.

    Raises ModelError when there is no memory to set its own aside; then nothing has changed.
    """
    weights = average.weights() if average else None
    if weights is None:
        yield
        return
    parameters = learned(model)
    with memory.explained("the averaged weights beside the model's own", _WITHOUT):
        own = {name: value.clone() for name, value in parameters.items()}
    _put(parameters, weights)
    try:
        yield
    finally:
        _put(parameters, own)


def _put(parameters: dict[str, Tensor], values: dict[str, Tensor]) -> None:
    # Copies into the same memory: what holds on to it (optimizer, tied weights, casts) sees the change.
    for name, parameter in parameters.items():
        parameter.copy_(values[name])
