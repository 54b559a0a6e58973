"""A language model to go on with: one of ours, or a folder of the Hugging Face library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textwright.core.errors import CheckpointError, ConfigError
from textwright.models.language.base import LanguageArchitecture
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.models.transformer.checkpoint import Checkpoint, find_checkpoint
from textwright.models.transformer.tokenizer import load_tokenizer
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import vocabulary_of
from textwright.text.tokenizers import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.framed import borrowed

# What a config calls the numbers of a model, by the class.
_NAMES = {
    "width": ("hidden_size", "n_embd"),
    "layers": ("num_hidden_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_head"),
    "inner": ("intermediate_size", "n_inner"),
}


@dataclass(frozen=True)
class Start:
    """The checkpoint, its tokenizer, and what class it is of."""

    checkpoint: Checkpoint
    tokenizer: Tokenizer
    architecture: LanguageArchitecture

    def network(self) -> Any:
        """The network with the weights of the checkpoint. Raises CheckpointError where they do not fit."""
        network = self.architecture.read(self.checkpoint.path)
        known = network.model.get_input_embeddings().weight.shape[0]
        if self.tokenizer.size > known:
            raise CheckpointError(
                f"{self.checkpoint.path}: the tokenizer has {self.tokenizer.size:,} tokens, "
                f"the model {known:,}",
                hint="The tokenizer belongs to another model: copy the right one into the folder.",
            )
        return network

    def settings(self, asked: LanguageSettings) -> LanguageSettings:
        """The sizes of the checkpoint; rows may be shorter than it can read.

        Raises ConfigError for another size, or for rows that are longer.
        """
        config = self.network_config()
        found: dict[str, Any] = {"positions": self.architecture.length(config)}
        for name, keys in _NAMES.items():
            value = next((int(getattr(config, key)) for key in keys if getattr(config, key, None)), None)
            found[name] = value or 4 * found["width"]
        for name, value in asked.said().items():
            if name == "positions" and value != "auto" and int(value) <= found["positions"]:
                found["positions"] = value
            elif name in found and value not in ("auto", found[name]):
                raise ConfigError(
                    f"model.{name}={value}: the checkpoint has {found[name]}", hint="Leave it out."
                )
        return asked.replaced(found)

    def network_config(self) -> Any:
        from transformers import AutoConfig

        return AutoConfig.for_model(**self.checkpoint.config)

    @property
    def end(self) -> str:
        """The token that stands before each document."""
        return self.tokenizer.pieces[vocabulary_of(self.tokenizer).end_id]


def start_of(recipe: PretrainRecipe) -> Start | None:
    """What the recipe goes on with, if anything.

    Raises CheckpointError for what is not there or no language model, ConfigError for what does not go with
    it.
    """
    name = recipe.model.get("checkpoint")
    if name is None:
        return None
    checkpoint = find_checkpoint(str(name), [*LANGUAGE_MODELS])
    asked = recipe.model.get("name", "auto")
    if asked not in ("auto", checkpoint.type):
        raise ConfigError(
            f"--model {asked} does not go with --from: the checkpoint is a {checkpoint.type}",
            hint="Leave --model out.",
        )
    if recipe.tokenizer != "auto":
        raise ConfigError(
            "a tokenizer does not go with --from: the checkpoint brings its own", hint="Leave it out."
        )
    read = load_tokenizer(checkpoint)
    special = dict(read.special)
    if "pad_token" not in special and "eos_token" in special:  # GPT-2 has none: nothing is padded here
        special["pad_token"] = special["eos_token"]
    tokenizer = borrowed(read.content, special, TokenizerSettings(kind="pretrained"))
    return Start(checkpoint, tokenizer, LANGUAGE_MODELS.get(checkpoint.type))
