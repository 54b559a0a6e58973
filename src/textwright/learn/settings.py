"""How a network learns: optimizer, schedule, batches, stopping. The plan resolves every `auto`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from textwright.core.settings import Settings

Auto = Literal["auto"]
OptimizerName = Literal["adamw", "adam", "sgd"]
ScheduleName = Literal["constant", "linear", "cosine"]


class OptimizerSettings(Settings):
    name: OptimizerName = Field("adamw", description="an entry of learn.optimizers")
    rate: float = Field(1e-3, gt=0, description="highest learning rate")
    weight_decay: float = Field(0.01, ge=0, description="of adamw and sgd, on matrices")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")


class ScheduleSettings(Settings):
    name: ScheduleName = Field("linear", description="an entry of learn.schedules")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the run in which the rate rises")


class LearnSettings(Settings):
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    epochs: Annotated[float, Field(gt=0)] | Auto = Field(
        "auto", description="passes over the rows at most; the schedule is laid out over them"
    )
    batch: int = Field(32, ge=1, description="rows a step")
    max_tokens: int = Field(
        16_384, ge=1, description="padded tokens a step at most; fewer rows if they are long"
    )
    clip: float = Field(1.0, ge=0, description="longest gradient; 0 is no limit")
    patience: int = Field(3, ge=0, description="validations without gain before the end; 0 never stops early")
    checks_per_epoch: int = Field(1, ge=1, description="validations an epoch")
