"""Learning rates rise in the warm-up and fall to zero at the end; names are checked early."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from textwright.core.errors import ConfigError
from textwright.learn.optimizers import OPTIMIZERS
from textwright.learn.schedules import SCHEDULES, rate_factor
from textwright.learn.settings import LearnSettings, OptimizerName, ScheduleName, ScheduleSettings

GRID = [i / 1000 for i in range(1001)]


@pytest.mark.parametrize("name", list(SCHEDULES))
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.5])
def test_up_in_the_warm_up_and_never_up_again(name: ScheduleName, warmup: float) -> None:
    settings = ScheduleSettings(name=name, warmup=warmup)
    factors = [rate_factor(settings, p) for p in GRID]
    rising = [f for p, f in zip(GRID, factors, strict=True) if p < warmup]
    assert rising == pytest.approx([p / warmup for p in GRID[: len(rising)]] if warmup else [])
    rest = factors[len(rising) :]
    assert rest[0] == 1.0 and rest == sorted(rest, reverse=True)
    assert rest[-1] == pytest.approx(1.0 if name == "constant" else 0.0, abs=1e-12)
    assert rate_factor(settings, 1.7) == rest[-1] and rate_factor(settings, -1) == factors[0]


def test_values_in_the_middle() -> None:
    values = {name: rate_factor(ScheduleSettings(name=name, warmup=0.2), 0.4) for name in SCHEDULES}
    assert values == {
        "constant": 1.0,
        "linear": pytest.approx(0.75),
        "cosine": pytest.approx((1 + math.cos(math.pi / 4)) / 2),
        "hold": 1.0,
    }


def test_hold_falls_over_the_last_share_of_the_whole_run() -> None:
    settings = ScheduleSettings(name="hold", warmup=0.1, decay=0.2)
    found = [rate_factor(settings, p) for p in (0.05, 0.1, 0.5, 0.8, 0.85, 0.9, 0.95, 1.0)]
    assert found == pytest.approx([0.5, 1, 1, 1, 0.75, 0.5, 0.25, 0])
    without = ScheduleSettings(name="hold", warmup=0.4, decay=0.6)
    assert [rate_factor(without, p) for p in (0.2, 0.4, 0.7, 1.0)] == pytest.approx([0.5, 1, 0.5, 0])


def test_hold_needs_room_for_both_its_ramps() -> None:
    with pytest.raises(
        ConfigError, match=r"schedule\.decay: must leave room .* 0\.6 of the run \(found 0\.5\)"
    ):
        LearnSettings().replaced({"schedule.name": "hold", "schedule.warmup": 0.6})
    assert ScheduleSettings.parse({"name": "linear", "warmup": 0.6, "decay": 0.5}).warmup == 0.6


def test_names_are_those_of_the_tables() -> None:
    assert set(get_args(ScheduleName)) == set(SCHEDULES)
    assert set(get_args(OptimizerName)) == set(OPTIMIZERS)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "optimizer.name",
            "adamm",
            r"optimizer\.name: .*'adamw', 'adam', 'sgd', 'gd' or 'muon' \(found 'adamm'\)",
        ),
        ("schedule.name", "linar", r"schedule\.name: .*'linear'.*\(found 'linar'\)"),
        ("schedule.warmup", 1.0, r"schedule\.warmup: .*less than 1"),
        ("optimizer.rate", 0, r"optimizer\.rate: .*greater than 0 or 'auto'"),
        ("optimizer.layer_decay", 1.1, r"optimizer\.layer_decay: .*less than or equal to 1"),
        ("loss.name", "focall", r"loss\.name: .*'focal'.*\(found 'focall'\)"),
        ("loss.label_smoothing", 1.0, r"loss\.label_smoothing: .*less than 1"),
        ("average.name", "emma", r"average\.name: .*'ema'.*\(found 'emma'\)"),
        ("epochs", 0, r"epochs: .*greater than 0 or 'auto'"),
        ("batch", 0, r"batch: .*greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LearnSettings().replaced({key: value})
