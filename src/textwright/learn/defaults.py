"""What `auto` stands for in the settings of learning, and the reason in one line each."""

from __future__ import annotations

from typing import Any

from textwright.learn.optimizers import OPTIMIZERS
from textwright.learn.settings import LearnSettings, OptimizerName

# Descent along the gradient of all rows makes one step a pass: as many as it takes to learn anything.
_GD_PASSES = 100
# Its steps go up and down at first, and each is judged: three without gain mean nothing then.
_GD_PATIENCE = 20


def resolved(
    settings: LearnSettings, *, rate: float, num_rows: int, seen_rows: int, passes: tuple[int, int]
) -> tuple[LearnSettings, dict[str, str]]:
    """The settings with a number for every `auto` of rate, epochs and batch, and why it is that number.

    `rate` is what suits the architecture with adamw; `seen_rows` how many rows it should see, in `passes` (at
    least, at most) over the `num_rows` that there are. Full-batch descent (`gd`) takes all rows at once,
    whatever batch was asked for.

    >>> found, why = resolved(LearnSettings(), rate=0.001, num_rows=30_000, seen_rows=150_000, passes=(4, 16))
    >>> found.optimizer.rate, found.epochs, why["learn.epochs"]
    (0.001, 5.0, '5: about 150,000 rows seen, for 30,000 rows')
    """
    found: dict[str, tuple[Any, str]] = {}
    if settings.optimizer.rate == "auto":
        found["optimizer.rate"] = _rate(settings.optimizer.name, rate)
    if settings.optimizer.name == "gd":
        found |= _full_batch(settings, num_rows)
    if settings.epochs == "auto" and "epochs" not in found:
        found["epochs"] = _epochs(num_rows, seen_rows, passes)
    values = {key: value for key, (value, _) in found.items()}
    reasons = {f"learn.{key}": reason for key, (_, reason) in found.items()}
    return settings.replaced(values, where="learn."), reasons


def _rate(optimizer: OptimizerName, rate: float) -> tuple[float, str]:
    scale = OPTIMIZERS[optimizer].scale
    value = rate * scale
    if scale == 1:
        return value, f"{value:g}: what suits this architecture with {optimizer}"
    reason = f"{scale:g} times what suits it with adamw, which divides gradients by their size"
    return value, f"{value:g}: {reason}"


def _epochs(num_rows: int, seen_rows: int, passes: tuple[int, int]) -> tuple[float, str]:
    wanted, (least, most) = seen_rows / max(num_rows, 1), passes
    value = float(round(min(max(wanted, least), most)))
    if least <= wanted <= most:
        return value, f"{value:g}: about {seen_rows:,} rows seen, for {num_rows:,} rows"
    bound = "at least" if wanted < least else "at most"
    return (
        value,
        f"{value:g}, {bound}: {seen_rows:,} rows seen would be {wanted:.3g} passes over {num_rows:,}",
    )


def _full_batch(settings: LearnSettings, num_rows: int) -> dict[str, tuple[Any, str]]:
    found: dict[str, tuple[Any, str]] = {
        "batch": (max(num_rows, 1), f"{num_rows:,}: gd takes all rows at each step")
    }
    if settings.epochs == "auto":
        found["epochs"] = float(_GD_PASSES), f"{_GD_PASSES}: gd makes one step a pass"
    if "patience" not in settings.model_fields_set:
        found["patience"] = _GD_PATIENCE, f"{_GD_PATIENCE}: gd is judged after every step"
    return found
