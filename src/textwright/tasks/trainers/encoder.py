"""Fits encoders of Hugging Face classes, and keeps them in folders that the library loads as they lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tokenizers
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast
from transformers.utils import logging as hf_logging

from textwright.core.errors import ConfigError
from textwright.core.settings import Settings
from textwright.models.base import Shape
from textwright.models.transformer.checkpoint import Checkpoint, find_checkpoint
from textwright.models.transformer.network import Encoder
from textwright.models.transformer.pretrained import load_tokenizer, longest_text, merged
from textwright.models.transformer.scratch import sized
from textwright.models.transformer.settings import PretrainedSettings, TransformerSettings
from textwright.runtime.compute import best_device
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.examples import Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.engine import NetworkEngine
from textwright.tasks.trainers.network import NetworkTrainer
from textwright.text.tokenizers import Encoded, Tokenizer, TokenizerSettings
from textwright.text.tokenizers.framed import borrowed, framed

# Narrow encoders want higher rates: 3e-4 for a width of 256 and 1e-4 for 768 in ELECTRA's paper
# (arXiv:2003.10555), 2e-4 for 384 by our validation (docs/log.md).
_WIDTHS, _USUAL_WIDTH = ("hidden_size", "dim", "d_model"), 768
_LAYERS, _USUAL_LAYERS = ("num_hidden_layers", "n_layers", "num_layers"), 12
# Operations in a step. From 2 GFLOP on a second thread gains a third; with less it gains little, and beside
# other busy processes a step of a tiny encoder took 30 s, not 30 ms: each kernel waits for its threads.
_WORK_FOR_THREADS = 2e9
_LEAST_RATE, _MOST_RATE = 1e-5, 5e-4
_TUNE_RATES: Mapping[str, float] = MappingProxyType({"full": 1.0, "head": 20.0, "lora": 10.0})


@dataclass
class EncoderEngine(NetworkEngine):
    """An encoder and its tokenizer behind texts; the folder is a Hugging Face one."""

    network: Encoder

    def save(self, folder: Path) -> None:
        quiet: Any = hf_logging
        quiet.disable_progress_bar()
        self.network.model.save_pretrained(folder)
        make: Any = PreTrainedTokenizerFast
        fast = make(
            tokenizer_object=tokenizers.Tokenizer.from_str(self.tokenizer.content),
            model_max_length=self.tokenizer.settings.max_length,
            **self.tokenizer.frame.special,
        )
        fast.save_pretrained(folder)
        self.tokenizer.save(folder)  # last: its tokenizer.json says the same, and has its hash beside it

    @classmethod
    def restore(cls, folder: Path, config: dict[str, Any], name: str, shape: Shape) -> EncoderEngine:
        """The engine that `save` wrote. Raises what building a model of a damaged folder raises."""
        torch.set_num_threads(usable_cpus())
        make: Any = AutoModelForSequenceClassification
        network = Encoder(make.from_config(AutoConfig.for_model(**config)), shape)
        network.model.load_state_dict(load_file(folder / "model.safetensors"))
        network.to(best_device()).eval()
        return cls(name, {}, shape, network, Tokenizer.load(folder))


class EncoderTrainer(NetworkTrainer, ABC):
    """What all encoders share: they compute in large products, and are saved in the library's form."""

    casts = True

    def _threads(self) -> int:
        """All of them for a step of some work; small ones lose far more on a busy machine than they gain."""
        tokens = self._rows.tokens
        tokens_per_step = self._learn[0].batch * len(tokens.values) / max(len(tokens), 1)
        layers, width = self._size()
        # Six operations a weight, forward and backward; a layer has 12 matrices of width squared.
        work = 6 * 12 * layers * width**2 * tokens_per_step
        return self.job.threads if work >= _WORK_FOR_THREADS else 1

    @abstractmethod
    def _size(self) -> tuple[int, int]:
        """Layers and width."""

    def _engine(self, network: nn.Module) -> EncoderEngine:
        assert isinstance(network, Encoder)
        settings = self.settings.model_dump(mode="json")
        return EncoderEngine(self.name, settings, self.shape, merged(network), self._encoded[0])


class ScratchTrainer(EncoderTrainer):
    """The trainer of `transformer`."""

    asked: TransformerSettings

    @cached_property
    def _encoded(self) -> tuple[Tokenizer, Encoded, str]:
        settings, reason = self.job.examples.tokenizer_settings(self.recipe.tokenizer)
        if self.recipe.tokenizer == "auto":
            settings = settings.replaced({"truncate": "head"})  # as the Hugging Face library cuts
        plain, encoded = self.job.examples.tokens(settings)
        tokenizer = framed(plain)
        rows = tokenizer.frame.around(encoded.rows)
        return tokenizer, Encoded(rows, encoded.num_tokens, encoded.num_lost, encoded.num_unknown), reason

    @property
    def settings(self) -> Settings:
        return self._sized[0]

    @cached_property
    def _sized(self) -> tuple[TransformerSettings, dict[str, str]]:
        tokenizer, encoded, _ = self._encoded
        longest = tokenizer.settings.max_length or int(encoded.rows.lengths.max(initial=1))
        made, why = sized(self.asked, len(encoded.rows), encoded.num_tokens, longest)
        if longest > int(made.positions):
            raise _beyond(longest, int(made.positions), f"model.positions={made.positions}")
        return made, why

    def _size(self) -> tuple[int, int]:
        return int(self._sized[0].layers), int(self._sized[0].width)

    def reasons(self) -> dict[str, str]:
        return {**super().reasons(), **self._sized[1]}


class PretrainedTrainer(EncoderTrainer):
    """The trainer of `pretrained`."""

    asked: PretrainedSettings

    def __init__(self, job: Job, recipe: Recipe, *, name: str) -> None:
        if recipe.model_name != name or "checkpoint" not in recipe.model_settings:
            raise ConfigError(
                f"{name} starts from a checkpoint, and none is named",
                hint="Give one: --from FOLDER, or --from NAME/ON-THE-HUB.",
            )
        super().__init__(job, recipe, name=name)

    @property
    def rate(self) -> float:
        """That of a whole encoder of width 768, more for narrower ones, and for weights that start anew."""
        rate = super().rate * (_USUAL_WIDTH / self._size()[1]) ** 2
        return float(f"{min(max(rate, _LEAST_RATE), _MOST_RATE) * _TUNE_RATES[self.asked.tune]:.2g}")

    def _size(self) -> tuple[int, int]:
        config = self.checkpoint.config
        layers = next((int(config[key]) for key in _LAYERS if config.get(key)), _USUAL_LAYERS)
        width = next((int(config[key]) for key in _WIDTHS if config.get(key)), _USUAL_WIDTH)
        return layers, width

    @cached_property
    def checkpoint(self) -> Checkpoint:
        return find_checkpoint(self.asked.checkpoint)

    @cached_property
    def _encoded(self) -> tuple[Tokenizer, Encoded, str]:
        asked = self.recipe.tokenizer
        content, special = load_tokenizer(self.checkpoint)
        uncut = borrowed(content, special, TokenizerSettings(kind="pretrained", truncate="head"))
        positions = longest_text(self.checkpoint, uncut.pad_id)
        if isinstance(asked, TokenizerSettings):
            settings, reason = self._asked_settings(asked, positions), "that of the checkpoint, cut as asked"
        else:
            longest = self.job.examples.longest(uncut, positions)
            settings = uncut.settings.replaced({"max_length": longest})
            reason = f"that of the checkpoint; the longest 0.5 % of the texts are cut to {longest} tokens"
        tokenizer = borrowed(content, special, settings)
        return tokenizer, self.job.examples.encoded(tokenizer), reason

    def _asked_settings(self, asked: TokenizerSettings, positions: int | None) -> TokenizerSettings:
        given = asked.model_dump(exclude_none=True, exclude_defaults=True)
        own = [key for key in given if key not in ("max_length", "truncate")]
        if own:
            raise ConfigError(
                f"tokenizer.{own[0]} does not go with --from: the checkpoint brings its own tokenizer",
                hint="Only tokenizer.max_length and tokenizer.truncate can be set.",
            )
        longest = asked.max_length or positions or 512
        if positions is not None and longest > positions:
            raise _beyond(longest, positions, str(self.checkpoint.path))
        return TokenizerSettings(kind="pretrained", max_length=longest, truncate=asked.truncate or "head")

    def reasons(self) -> dict[str, str]:
        origin = f"{self.checkpoint.path.name}, a {self.checkpoint.type}"
        return {**super().reasons(), "model.checkpoint": f"{origin}; tuned: {self.asked.tune}"}


def _beyond(longest: int, positions: int, where: str) -> ConfigError:
    return ConfigError(
        f"tokenizer.max_length={longest} is beyond the {positions} positions of the model ({where})",
        hint=f"Use: --set tokenizer.max_length={positions}",
    )


TRAINERS: Mapping[str, type[EncoderTrainer]] = {
    "transformer": ScratchTrainer,
    "pretrained": PretrainedTrainer,
}
