"""A language model to go on with: one of ours, or a folder of the Hugging Face library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from textwright.bundle.folder import is_bundle, load_manifest
from textwright.bundle.manifest import ENGINE
from textwright.core.errors import CheckpointError, ConfigError
from textwright.core.pairframe import PairFrame
from textwright.models.language.base import LanguageArchitecture
from textwright.models.language.causal import grow
from textwright.models.language.registry import LANGUAGE_MODELS, library_types, of_type
from textwright.models.language.settings import LanguageSettings
from textwright.models.transformer.checkpoint import Checkpoint, find_checkpoint
from textwright.models.transformer.lora import peft
from textwright.models.transformer.tokenizer import load_tokenizer
from textwright.tasks.pretraining.framing import frame_of, usual_frame
from textwright.tasks.pretraining.recipe import HYBRID, INSTRUCT, PretrainRecipe
from textwright.tasks.writing.model import vocabulary_of
from textwright.text.pairs.added import BACK
from textwright.text.tokenizers import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.framed import borrowed, gapped, with_marks
from textwright.text.tokenizers.turns import with_turns

# Tokens of a row, of a model that starts from nothing; of pairs those of a side.
USUAL_WINDOWS: Mapping[str, int] = MappingProxyType({INSTRUCT: 512, "translate": 256, "summarize": 1_024})
# What a config calls the numbers of a model, by the class.
_NAMES = {
    "width": ("hidden_size", "n_embd", "d_model"),
    "layers": ("encoder_layers", "num_hidden_layers", "n_layer", "num_layers"),
    "heads": ("encoder_attention_heads", "num_attention_heads", "n_head", "num_heads"),
    "inner": ("encoder_ffn_dim", "intermediate_size", "n_inner", "d_ff"),
}
# The tokens that an objective needs and a checkpoint may lack: a conversation's frame, or the mask.
_ADDED: Mapping[str, Callable[[Tokenizer], Tokenizer]] = MappingProxyType(
    {INSTRUCT: with_turns, HYBRID: gapped}
)


@dataclass(frozen=True)
class Start:
    """The checkpoint, its tokenizer, and what class it is of; how many tokens the tokenizer got here."""

    checkpoint: Checkpoint
    tokenizer: Tokenizer
    architecture: LanguageArchitecture
    num_added: int = 0

    def network(self) -> Any:
        """The network with the weights of the checkpoint, and room for the tokens that are new.

        Raises CheckpointError where they do not fit.
        """
        network = self.architecture.read(self.checkpoint.path)
        known, size = network.model.get_input_embeddings().weight.shape[0], self.tokenizer.size
        if size - self.num_added > known:
            raise CheckpointError(
                f"{self.checkpoint.path}: the tokenizer has {size - self.num_added:,} tokens, "
                f"the model {known:,}",
                hint="The tokenizer belongs to another model: copy the right one into the folder.",
            )
        if self.num_added:
            grow(network.model, self.new_ids)
        return network

    def extended(self, extend: Callable[[Tokenizer], Tokenizer]) -> Start:
        """The same with what an objective adds to the tokenizer, where it lacks that."""
        tokenizer = extend(self.tokenizer)
        return replace(self, tokenizer=tokenizer, num_added=tokenizer.size - self.tokenizer.size)

    def frame(self, task: str, tokenizer: Tokenizer, languages: Sequence[str]) -> PairFrame:
        """What stands around pairs: the usual where nothing is said of a model that was made here. See
        `framing.frame_of`.
        """
        if is_bundle(self.checkpoint.path) and "decoder_start_token_id" not in self.checkpoint.config:
            return usual_frame(task, tokenizer, languages)
        return frame_of(self.checkpoint, tokenizer, task, languages)

    @property
    def new_ids(self) -> range:
        """The tokens that the checkpoint has never seen."""
        return range(self.tokenizer.size - self.num_added, self.tokenizer.size)

    @property
    def is_hybrid(self) -> bool:
        """Whether it is a folder of ours that learned to write and to fill gaps."""
        path = self.checkpoint.path
        return is_bundle(path) and load_manifest(path).data_schema.get("objective") == HYBRID

    def settings(self, asked: LanguageSettings) -> LanguageSettings:
        """The sizes of the checkpoint; rows may be shorter than it can read.

        Raises ConfigError for another size, or for rows that are longer.
        """
        config = self.network_config()
        found: dict[str, Any] = {"positions": self.architecture.length(config)}
        for name, keys in _NAMES.items():
            value = next((int(getattr(config, key)) for key in keys if getattr(config, key, None)), None)
            if value is not None:
                found[name] = value
        found.setdefault("inner", 4 * found["width"])  # GPT-2 says nothing where it is that
        for name, value in asked.said().items():
            if name == "positions" and value != "auto" and int(value) <= found["positions"]:
                found["positions"] = value
            elif name == "dropout" and value:
                raise ConfigError(
                    f"model.dropout={value:g}: of a checkpoint it stays what it was", hint="Leave it out."
                )
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
        return self.tokenizer.pieces[vocabulary_of(self.tokenizer).parting_id]


def start_of(recipe: PretrainRecipe) -> Start | None:
    """What the recipe goes on with, if anything.

    Raises CheckpointError for what is not there or no language model, ConfigError for what does not go with
    it.
    """
    name = recipe.model.get("checkpoint")
    _refuse_misfit(LanguageSettings.parse(recipe.model_settings, where="model."), name is not None)
    if name is None:
        return None
    _refuse_export(Path(str(name)))
    checkpoint = find_checkpoint(str(name), library_types())
    architecture = of_type(checkpoint.type)
    asked = recipe.asked_name
    if asked not in ("auto", architecture.name):
        raise ConfigError(
            f"--model {asked} does not go with --from: the checkpoint is a {architecture.name}",
            hint="Leave --model out.",
        )
    if architecture.is_recurrent and recipe.model.get("tune") == "lora":
        raise ConfigError(
            f"model.tune=lora adds to layers of attention, and the checkpoint is a {architecture.name}",
            hint="Leave it out: all weights learn.",
        )
    if recipe.tokenizer != "auto":
        raise ConfigError(
            "a tokenizer does not go with --from: the checkpoint brings its own", hint="Leave it out."
        )
    read = load_tokenizer(checkpoint)
    special = dict(read.special)
    if "pad_token" not in special and "eos_token" in special:  # GPT-2 has none: nothing is padded here
        special["pad_token"] = special["eos_token"]
    tokenizer = borrowed(read.content, special, TokenizerSettings(kind="pretrained"), read.target)
    start = Start(checkpoint, tokenizer, architecture)
    if recipe.pairs.monolingual is not None:
        start = start.extended(partial(with_marks, names=[BACK]))
    return start.extended(_ADDED[recipe.objective]) if recipe.objective in _ADDED else start


def _refuse_export(folder: Path) -> None:
    """Raises CheckpointError for what was exported: its weights are those of another library."""
    if is_bundle(folder) and ENGINE in (decode := load_manifest(folder).decode):
        raise CheckpointError(
            f"{folder}: was exported to {decode[ENGINE]}, and nothing can be learned on from that",
            hint="Give the folder that it was made from.",
        )


def _refuse_misfit(asked: LanguageSettings, goes_on: bool) -> None:
    """Raise ConfigError for a way of tuning that is not to be had, and for a rank that nothing has."""
    said = asked.said()
    if "tune" in said and not goes_on:
        raise ConfigError(
            f"model.tune={asked.tune} needs --from: of a model that starts from nothing all weights learn",
            hint="Name what to go on with: --from FOLDER, or leave it out.",
        )
    if "rank" in said and asked.tune != "lora":
        raise ConfigError(
            f"model.rank={asked.rank} has no effect: it is of model.tune=lora, which is {asked.tune} here",
            hint="Leave it out.",
        )
    if asked.tune == "lora":
        peft()


def window_of(recipe: PretrainRecipe, start: Start | None) -> int:
    """Tokens of a conversation at most, which are known before there are any: those that a checkpoint reads,
    or those asked for. Raises ConfigError for more than it reads.
    """
    architecture = LANGUAGE_MODELS.get(recipe.model_name) if start is None else start.architecture
    asked = architecture.settings.parse(recipe.model_settings, where="model.")
    if start is not None:
        return int(start.settings(asked).positions)
    return USUAL_WINDOWS[recipe.objective] if asked.positions == "auto" else int(asked.positions)
