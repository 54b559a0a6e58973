"""How a network learns: optimizer, schedule, loss, batches, stopping. The plan resolves every `auto`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from textwright.core.settings import Settings

Auto = Literal["auto"]
OptimizerName = Literal["adamw", "adam", "sgd", "gd", "muon"]
ScheduleName = Literal["constant", "linear", "cosine", "hold"]
LossName = Literal["cross_entropy", "focal", "mse", "huber"]
AverageName = Literal["none", "ema", "mean", "last"]


class OptimizerSettings(Settings):
    name: OptimizerName = Field("adamw", description="an entry of learn.optimizers")
    rate: Annotated[float, Field(gt=0)] | Auto = Field(
        "auto", description="highest learning rate; auto is what suits the architecture and the optimizer"
    )
    weight_decay: Annotated[float, Field(ge=0)] | Auto = Field(
        "auto",
        description="of adamw, sgd, gd and muon, on matrices; auto is 0.01, and less where rates are higher",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd and muon")
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="the rate of each layer is this times that of the layer above it"
    )


class ScheduleSettings(Settings):
    name: ScheduleName = Field("linear", description="an entry of learn.schedules")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the run in which the rate rises")
    decay: float = Field(0.5, gt=0, le=1, description="of hold: share of the run in which the rate falls")

    @field_validator("decay")
    @classmethod
    def _after_the_warmup(cls, decay: float, info: ValidationInfo) -> float:
        warmup = info.data.get("warmup", 0.0)
        if info.data.get("name") == "hold" and warmup + decay > 1:
            raise ValueError(f"must leave room for the warm-up, which is {warmup:g} of the run")
        return decay


class LossSettings(Settings):
    name: LossName | Auto = Field("auto", description="an entry of learn.objectives; auto fits the target")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of each label given to all of them")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: rare classes count as much as common ones"
    )
    gamma: float = Field(2.0, ge=0, description="of focal: how much less easy rows count")
    delta: float = Field(1.0, gt=0, description="of huber: errors beyond it count linearly")
    r_drop: float = Field(
        0.0, ge=0, description="weight of the distance of two passes with other dropout (arXiv:2106.14448)"
    )


class AverageSettings(Settings):
    name: AverageName = Field("none", description="which mean of the weights is judged and kept")
    decay: float = Field(0.999, gt=0, lt=1, description="of ema: share that stays at each step")
    start: float = Field(0.5, ge=0, lt=1, description="of mean: share of the run before it begins")
    count: int = Field(5, ge=1, description="of last: the states at so many validations are averaged")


class LearnSettings(Settings):
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    loss: LossSettings = LossSettings()
    average: AverageSettings = AverageSettings()
    epochs: Annotated[float, Field(gt=0)] | Auto = Field(
        "auto", description="passes over the rows at most; the schedule is laid out over them"
    )
    batch: int = Field(32, ge=1, description="rows a step; gd takes all of them")
    max_tokens: int = Field(
        16_384, ge=1, description="padded tokens in memory at once; longer steps are made in parts"
    )
    clip: float = Field(1.0, ge=0, description="longest gradient; 0 is no limit")
    patience: int = Field(
        3, ge=0, description="validations without gain before the end, 20 for gd; 0 never stops early"
    )
    checks_per_epoch: int = Field(1, ge=1, description="validations an epoch")
