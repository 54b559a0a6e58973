"""The settings of encoders: one that starts from nothing, one that starts from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from textwright.core.errors import ConfigError
from textwright.core.settings import Settings

Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1)]
TypeName = Literal["bert", "roberta", "modernbert"]
ActivationName = Literal["sigmoid", "tanh", "relu", "gelu", "silu"]
TuneName = Literal["full", "head", "lora"]


class TransformerSettings(Settings):
    """The settings of `transformer`; `auto` sizes follow from how much there is to learn from."""

    type: TypeName = Field(default="modernbert", description="whose layers: bert, roberta or modernbert")
    width: Count | Auto = Field(default="auto", description="numbers in the vector of a token")
    layers: Count | Auto = Field(default="auto", description="layers, one on top of the other")
    heads: Count | Auto = Field(default="auto", description="attention heads; auto is one for 32 numbers")
    inner: Count | Auto = Field(default="auto", description="numbers inside a layer's second part")
    activation: ActivationName = Field(default="gelu", description="inside each layer")
    positions: Count | Auto = Field(default="auto", description="longest text in tokens; auto by the data")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="in the layers and before the last one")

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if isinstance(self.width, int) and isinstance(self.heads, int) and self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared among {self.heads} heads")
        return self

    @model_validator(mode="after")
    def _modernbert_turns_pairs(self) -> Self:
        """The rotary positions turn two numbers of a head at a time."""
        if self.type != "modernbert" or not isinstance(self.width, int):
            return self
        size = self.width // self.heads if isinstance(self.heads, int) else self.width
        if size % 2:
            heads = "" if self.heads == "auto" else f" with {self.heads} heads"
            raise ValueError(
                f"width {self.width}{heads} gives a head an odd size; modernbert needs an even one"
            )
        return self


class PretrainedSettings(Settings):
    """The settings of `pretrained`: a model of a Hugging Face class that has read much text already."""

    absent: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            key: "is a setting of transformer, which starts from nothing; the checkpoint brings its own"
            for key in TransformerSettings.model_fields
            if key != "dropout"
        }
    )

    checkpoint: str = Field(description="folder, or name on the Hugging Face Hub (--from)")
    tune: TuneName = Field(
        default="full", description="full: all weights; head: the last layer; lora: small additions (peft)"
    )
    rank: int = Field(default=8, ge=1, description="of lora: columns of each addition")
    dropout: Annotated[float, Field(ge=0, lt=1)] | Auto = Field(
        default="auto", description="auto is what the checkpoint says"
    )

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str = "") -> Self:
        """As for all settings, with what to do where no checkpoint is named."""
        if "checkpoint" not in values:
            raise ConfigError(
                "pretrained starts from a checkpoint, and none is named",
                hint="Give one: --from FOLDER, or --from NAME/ON-THE-HUB.",
            )
        return super().parse(values, where=where)
