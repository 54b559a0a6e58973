"""What every language model tells the rest of the house."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from textwright.models.language.settings import LanguageSettings

# What raw text is learned by.
ObjectiveName = Literal["causal", "masked", "denoise"]
# What a model is made for: one for `pairs` learns no raw text.
MadeFor = Literal[ObjectiveName, "pairs"]
# What a model keeps of the tokens that it has read: keys and values of each, or one state of them all.
MemoryName = Literal["cache", "state"]


@dataclass(frozen=True)
class Vocabulary:
    """How many tokens there are, and those with a part to play.

    `start_id` stands before a text, `end_id` behind it; both are the same where texts only follow each other.
    `between_id` stands between documents, where that is not the end.
    """

    size: int
    pad_id: int
    start_id: int
    end_id: int
    mask_id: int | None = None
    between_id: int | None = None

    @property
    def parting_id(self) -> int:
        """What stands before each document of a long row of tokens."""
        return self.end_id if self.between_id is None else self.between_id

    def named(self) -> dict[str, Any]:
        """As the configs of the Hugging Face library call them."""
        return {
            "vocab_size": self.size,
            "pad_token_id": self.pad_id,
            "bos_token_id": self.start_id,
            "eos_token_id": self.end_id,
        }


@dataclass(frozen=True)
class LanguageArchitecture:
    """A registry entry: a class of the Hugging Face library, or one made like them, built from a config,
    behind one way of calling it.

    `build(settings, vocabulary)` takes settings without `auto`, and draws the first weights from torch's
    global generator. `read(folder)` gives the network of a folder that `save_pretrained` wrote, `length` how
    many tokens a network of this config reads at once. `model_type` is what a config.json says, where
    that is not its name here. `optimizer` is the usual one, and `rate_to_go_on` the highest rate of a
    checkpoint, where it is another than for those made here.
    """

    name: str
    summary: str
    objective: MadeFor
    build: Callable[[LanguageSettings, Vocabulary], Any]
    read: Callable[[Any], Any]
    length: Callable[[Any], int] = lambda config: int(config.max_position_embeddings)
    model_type: str = ""
    settings: type[LanguageSettings] = LanguageSettings
    memory: MemoryName = "cache"
    optimizer: Literal["muon", "adamw"] = "muon"
    rate_to_go_on: float | None = None

    @property
    def library_type(self) -> str:
        return self.model_type or self.name

    @property
    def is_recurrent(self) -> bool:
        """Whether it goes from token to token with a state: without attention heads, and without a limit."""
        return self.memory == "state"
