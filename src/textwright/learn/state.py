"""Where a fit stands: what a checkpoint holds beside the weights; and copies of the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn

from textwright.learn.averaging import AnyAverage
from textwright.learn.optimizers import Stepper
from textwright.learn.sharded.tensors import everywhere, own_part


@dataclass(frozen=True)
class Judgement:
    """A validation: `value` decides (lower is better), `scores` are shown."""

    value: float
    scores: dict[str, float]


@dataclass
class Health:
    """What `learn.recovery` remembers of the losses, and what it has done about them.

    `num_updates` were made to come to the weights at hand; `has_learned` says that the losses have been far
    below those of the beginning. `good_updates` and `good_has_learned` are the same of the last good state.
    """

    rate_factor: float = 1.0
    num_recoveries: int = 0
    num_skipped: int = 0
    skipped_in_a_row: int = 0
    num_updates: int = 0
    good_updates: int = 0
    begin: float | None = None
    ceiling: float | None = None
    was_lower: bool = False
    has_learned: bool = False
    good_has_learned: bool = False
    recent: list[float] = field(default_factory=list)


@dataclass
class FitState:
    """Where a fit stands. `is_over` says that it ended by itself, so that nothing is left to do.

    `progress` is how far the schedule is; `by_clock` that it follows the clock; `max_tokens` how many padded
    tokens went into memory at once after it was once too small.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    rows: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_value: float = float("inf")
    best_epoch: float = 0.0
    checks_without_gain: int = 0
    is_over: bool = False
    progress: float = 0.0
    by_clock: bool = False
    max_tokens: int | None = None
    health: Health = field(default_factory=Health)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All but the weights."""
        record = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "best_weights"}
        return {**record, "health": asdict(self.health)}

    @classmethod
    def from_json(cls, record: dict[str, Any], best_weights: dict[str, Tensor]) -> FitState:
        """Raises KeyError or TypeError when the record is of another version."""
        health = Health(**record["health"])
        return cls(**{**record, "health": health}, best_weights=best_weights)


@dataclass(frozen=True)
class Snapshot:
    """A copy in memory of all that an update changes. What is frozen is not copied."""

    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: dict[str, Tensor]

    @classmethod
    def of(cls, model: nn.Module, optimizer: Stepper, average: AnyAverage | None) -> Snapshot:
        return cls(
            copied_weights(model),
            _copied(optimizer.state_dict()),
            _copied(average.state()) if average else {},
        )

    def restore(self, model: nn.Module, optimizer: Stepper, average: AnyAverage | None) -> None:
        model.load_state_dict(self.weights, strict=False)
        # A copy, because an optimizer goes on in the very tensors that it is given.
        optimizer.load_state_dict(_copied(self.optimizer))
        if average:
            average.restore(self.average)


def changing_weights(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that may change, and the buffers; not copied."""
    frozen = {name for name, p in model.named_parameters(remove_duplicate=False) if not p.requires_grad}
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


def copied_weights(model: nn.Module) -> dict[str, Tensor]:
    """Copies of them in the memory of the processor."""
    copies: dict[str, Tensor] = _copied(changing_weights(model))
    return copies


def _copied(value: Any) -> Any:
    """Tensors copied into the memory of the processor, which an accelerator may have less of."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def are_finite(tensors: dict[str, Tensor]) -> bool:
    """By their sums, which a NaN or an infinity goes into: a tenth of the time of a look at each number."""
    numbers = [own_part(value) for value in tensors.values() if value.is_floating_point()]
    return everywhere(all(bool(torch.isfinite(v.sum())) for v in numbers), tensors.values())
