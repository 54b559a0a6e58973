"""Where and how numbers are computed: what may be asked, and what was decided for this machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from textwright.core.settings import Settings

Auto = Literal["auto"]
Precision = Literal["bf16", "fp32"]
Device = Literal["cpu", "cuda", "mps"]


class ComputeSettings(Settings):
    """None of these changes what is learned, but for rounding."""

    device: Device | Auto = Field("auto", description="auto is a GPU where there is one; mps only when named")
    precision: Precision | Auto = Field("auto", description="auto is bf16 where a short probe shows a gain")
    threads: Annotated[int, Field(ge=1)] | Auto = Field("auto", description="auto by the work of a step")
    compile: bool | Auto = Field("auto", description="auto for long runs where there is a compiler")
    micro_batch: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto", description="rows in memory at once; a step adds up as many parts as it needs"
    )
    checkpoint_gradients: bool = Field(False, description="compute layers twice and keep less in memory")
    shard: bool = Field(
        False, description="pretrain by several processes: each holds a part of weights, gradients and slots"
    )


@dataclass(frozen=True)
class Compute:
    """What was decided; it is kept in checkpoints, so that a resumed run computes the same bits."""

    device: Device = "cpu"
    precision: Precision = "fp32"
    threads: int = 1
    compile: bool = False
    micro_batch: int | None = None
    checkpoint_gradients: bool = False
    shard: bool = False
    reasons: dict[str, str] = field(default_factory=dict, compare=False)

    def to_json(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if k != "reasons"}
