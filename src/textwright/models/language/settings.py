"""The settings of language models: one dial, and what it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from textwright.core.settings import Settings

Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1)]
SizeName = Literal["tiny", "small", "base"]
TuneName = Literal["full", "lora"]


@dataclass(frozen=True)
class Size:
    """What a name stands for; heads have 64 numbers."""

    layers: int
    width: int
    positions: int


SIZES: Mapping[SizeName, Size] = MappingProxyType(
    {"tiny": Size(4, 128, 256), "small": Size(6, 256, 256), "base": Size(8, 384, 512)}
)
_HEAD_SIZE = 64


class LanguageSettings(Settings):
    """Sizes that are `auto` are those of `size`."""

    size: SizeName | Auto = Field(
        default="auto", description="what every auto below stands for; auto goes by the size of the text"
    )
    width: Count | Auto = Field(default="auto", description="numbers in the vector of a token")
    layers: Count | Auto = Field(default="auto", description="layers, one on top of the other")
    heads: Count | Auto = Field(
        default="auto", description="attention heads; auto is one for 64 numbers; an lstm has none"
    )
    inner: Count | Auto = Field(
        default="auto", description="numbers inside a layer's second part; of an lstm those of its state"
    )
    positions: Count | Auto = Field(default="auto", description="tokens that are read at once")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="in the layers")
    tune: TuneName = Field(
        default="full", description="with --from, full: all weights learn; lora: small additions (peft)"
    )
    rank: Count = Field(default=8, description="of lora: columns of each addition")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        """Evenly, and the rotary positions turn two numbers of a head at a time."""
        width, heads = self.width, 1 if self.heads == "auto" else self.heads
        if isinstance(width, int) and width % (2 * heads):
            raise ValueError(f"width {width} cannot be shared among {heads} heads of an even size")
        return self

    def named(self) -> dict[str, Any]:
        """Sizes without `auto`, as most configs of the Hugging Face library call them."""
        return {
            "hidden_size": int(self.width),
            "num_hidden_layers": int(self.layers),
            "num_attention_heads": int(self.heads),
            "intermediate_size": int(self.inner),
        }

    def sized(self) -> Self:
        """Every `auto` as a number; those of `small` where the size is `auto` itself.

        >>> LanguageSettings(size="tiny").sized().heads, LanguageSettings(width=96).sized().inner
        (2, 384)
        """
        size = SIZES["small" if self.size == "auto" else self.size]
        found = {"layers": size.layers, "width": size.width, "positions": size.positions}
        made = self.replaced({k: v for k, v in found.items() if getattr(self, k) == "auto"})
        width = int(made.width)
        heads = next(h for h in range(max(width // _HEAD_SIZE, 1), 0, -1) if width % (2 * h) == 0)
        rest = {"heads": heads, "inner": 4 * width}
        return made.replaced({k: v for k, v in rest.items() if getattr(made, k) == "auto"})

    def num_products(self) -> int:
        """Weights of the products of all layers, roughly; of sizes without `auto`."""
        return int(self.layers) * 12 * int(self.width) ** 2
