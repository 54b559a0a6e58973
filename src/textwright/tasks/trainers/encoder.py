"""Fits encoders of Hugging Face classes, and keeps them in folders that the library loads as they lie."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from textwright.core.errors import BundleError, CheckpointError, ConfigError, first_line
from textwright.core.files import read_json, to_json
from textwright.core.settings import Settings
from textwright.models.base import Shape
from textwright.models.transformer.checkpoint import Checkpoint, find_checkpoint, refuse_foreign_code
from textwright.models.transformer.decoder import classifier_class
from textwright.models.transformer.head import NEW
from textwright.models.transformer.lora import merged
from textwright.models.transformer.network import Encoder, wrapped
from textwright.models.transformer.reading import read_whole
from textwright.models.transformer.scratch import sized
from textwright.models.transformer.settings import PretrainedSettings, TransformerSettings
from textwright.models.transformer.tokenizer import CheckpointTokenizer, load_tokenizer, longest_text
from textwright.runtime.compute import best_device
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.examples import Job
from textwright.tasks.library import save_for_library
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.engine import NetworkEngine
from textwright.tasks.trainers.long import Long
from textwright.tasks.trainers.network import NetworkTrainer
from textwright.text.tokenizers import Encoded, Tokenizer, TokenizerSettings
from textwright.text.tokenizers.framed import begun, borrowed, framed

# Narrow encoders want higher rates: 3e-4 for a width of 256 and 1e-4 for 768 in ELECTRA's paper
# (arXiv:2003.10555), 2e-4 for 384 by our validation (docs/log.md).
_WIDTHS, _USUAL_WIDTH = ("hidden_size", "dim", "d_model", "n_embd"), 768
_LAYERS, _USUAL_LAYERS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer"), 12
# Operations in a step. From 2 GFLOP on a second thread gains a third; with less it gains little, and beside
# other busy processes a step of a tiny encoder took 30 s, not 30 ms: each kernel waits for its threads.
_WORK_FOR_THREADS = 2e9
# More than this share of unknown tokens is another language, or files of another tokenizer.
_MOST_UNKNOWN = 0.5
# How long texts are read, where they are not cut: config.json is the library's.
LONG_FILE = "long.json"
# What our own tokenizers put around a text: [CLS] and [SEP].
_FRAME = 2
_LEAST_RATE, _MOST_RATE = 1e-5, 5e-4
_TUNE_RATES: Mapping[str, float] = MappingProxyType({"full": 1.0, "head": 20.0, "lora": 10.0})


@dataclass
class EncoderEngine(NetworkEngine):
    """An encoder and its tokenizer behind texts; the folder is a Hugging Face one."""

    network: Encoder

    def save(self, folder: Path) -> None:
        longest = self.tokenizer.settings.max_length
        save_for_library(folder, self.network.model, self.tokenizer, longest)
        if self.long.is_chunked:
            (folder / LONG_FILE).write_text(to_json(self.long.model_dump(mode="json")), encoding="utf-8")

    @classmethod
    def restore(cls, folder: Path, config: dict[str, Any], name: str, shape: Shape) -> EncoderEngine:
        """The engine that `save` wrote. Raises what building a model of a damaged folder raises."""
        torch.set_num_threads(usable_cpus())
        refuse_foreign_code(str(folder), config, [file.name for file in folder.iterdir()])
        network = wrapped(_read_back(folder, str(config.get("model_type"))), shape)
        network.to(best_device()).eval()
        long = read_json(folder / LONG_FILE) if (folder / LONG_FILE).exists() else {}
        return cls(name, {}, shape, network, Tokenizer.load(folder), Long.parse(long, where="long."))


def _read_back(folder: Path, kind: str) -> PreTrainedModel:
    """The model of this `model_type` that `save` wrote. Raises BundleError when it is not whole."""
    model, fault = read_whole(classifier_class(kind), folder)
    if fault:
        raise BundleError(f"{folder}: {fault}")
    return model


class EncoderTrainer(NetworkTrainer, ABC):
    """What all encoders share: they compute in large products, and are saved in the library's form."""

    casts = True

    def _threads(self) -> int:
        """All of them for a step of some work; small ones lose far more on a busy machine than they gain."""
        tokens = self._rows.tokens
        tokens_per_step = self._learn[0].batch * len(tokens.values) / max(len(tokens), 1)
        return self.job.threads if self._work_of(tokens_per_step) >= _WORK_FOR_THREADS else 1

    def _work(self) -> float:
        return self._work_of(len(self._rows.tokens.values) * self.epochs)

    def _work_of(self, tokens: float) -> float:
        """Six operations a weight, forward and backward; a layer has 12 matrices of width squared."""
        layers, width = self._size()
        return 6 * 12 * layers * width**2 * tokens

    @abstractmethod
    def _size(self) -> tuple[int, int]:
        """Layers and width."""

    def _engine(self, network: nn.Module) -> EncoderEngine:
        assert isinstance(network, Encoder)
        settings = self.settings.model_dump(mode="json")
        return EncoderEngine(
            self.name, settings, self.shape, merged(network), self._encoded[0], self.reading.long
        )


class ScratchTrainer(EncoderTrainer):
    """The trainer of `transformer`."""

    asked: TransformerSettings

    @cached_property
    def _encoded(self) -> tuple[Tokenizer, Encoded, str]:
        settings, reason = self.job.examples.tokenizer_settings(self.recipe.tokenizer)
        if self.recipe.tokenizer == "auto":
            settings = settings.replaced({"truncate": "head"})  # as the Hugging Face library cuts
        if (room := self._room()) is not None:
            settings = settings.replaced({"max_length": room - _FRAME})
            kind = reason.partition("; the longest")[0]
            reason = f"{kind}; texts are cut to {room} tokens, {_FRAME} of them around the text"
        plain, encoded = self.job.examples.tokens(settings)
        tokenizer = framed(plain)
        rows = tokenizer.frame.around(encoded.rows)
        return tokenizer, Encoded(rows, encoded.num_tokens, encoded.num_lost, encoded.num_unknown), reason

    def _room(self) -> int | None:
        """The longest row in tokens that was asked for, its frame included; None when it is for us to say."""
        asked = self.recipe.tokenizer
        longest = asked.max_length if isinstance(asked, TokenizerSettings) else None
        positions = None if self.asked.positions == "auto" else int(self.asked.positions)
        if longest and positions and longest > positions:
            raise _beyond(longest, positions, f"model.positions={positions}")
        room = longest or positions
        if room is not None and room <= _FRAME:
            raise _too_short("tokenizer.max_length" if longest else "model.positions", room, _FRAME)
        return room

    @property
    def settings(self) -> Settings:
        return self._sized[0]

    @cached_property
    def _sized(self) -> tuple[TransformerSettings, dict[str, str]]:
        tokenizer, encoded, _ = self._encoded
        longest = tokenizer.settings.max_length or int(encoded.rows.lengths.max(initial=1))
        return sized(self.asked, len(encoded.rows), encoded.num_tokens, longest)

    def _size(self) -> tuple[int, int]:
        return int(self._sized[0].layers), int(self._sized[0].width)

    def reasons(self) -> dict[str, str]:
        return {**super().reasons(), **self._sized[1]}


class PretrainedTrainer(EncoderTrainer):
    """The trainer of `pretrained`."""

    asked: PretrainedSettings

    def __init__(self, job: Job, recipe: Recipe, *, name: str) -> None:
        super().__init__(job, recipe, name=name)
        self._head = ""

    def _build(self) -> nn.Module:
        """The network; of the first one it is seen that its folder can be read back, before time is spent."""
        network = super()._build()
        assert isinstance(network, Encoder)
        if not self._head:
            with torch.random.fork_rng(devices=[]), TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                self._check(self._engine(network), Path(folder))
            self._head = network.head
        return network

    def _check(self, engine: EncoderEngine, folder: Path) -> None:
        if shutil.disk_usage(folder).free < 2 * engine.num_bytes:
            return  # too little to try it here, which says nothing about the folder of the model
        try:
            engine.save(folder)
            again = _read_back(folder, self.checkpoint.type).state_dict()
            weights = engine.network.model.state_dict()
            different = [key for key in weights if not torch.equal(weights[key], again[key])]
            if not different:
                return
            why = f"{different[0]} is another"
        except Exception as error:  # the library raises whatever its classes do
            why = first_line(error)
        raise CheckpointError(
            f"{self.checkpoint.path}: a {self.checkpoint.type} is not what it was after saving it ({why})",
            hint="Take another checkpoint, such as one of bert, roberta or modernbert.",
        ) from None

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
    def _read(self) -> CheckpointTokenizer:
        """What a decoder reads begins with a token of its own, as its texts did."""
        found = load_tokenizer(self.checkpoint)
        if not self.checkpoint.decodes:
            return found
        content, special = begun(found.content, found.special)
        return replace(found, content=content, special=special)

    @cached_property
    def _encoded(self) -> tuple[Tokenizer, Encoded, str]:
        asked, read = self.recipe.tokenizer, self._read
        origin = f"that of the checkpoint{f', {read.remark}' if read.remark else ''}"
        uncut = borrowed(read.content, read.special, TokenizerSettings(kind="pretrained", truncate="head"))
        positions = longest_text(self.checkpoint)
        if isinstance(asked, TokenizerSettings):
            settings, reason = (
                self._asked_settings(asked, positions, len(uncut.frame)),
                f"{origin}, cut as asked",
            )
        else:
            longest = self.job.examples.longest(uncut, positions)
            settings = uncut.settings.replaced({"max_length": longest})
            reason = f"{origin}; the longest 0.5 % of the texts are cut to {longest} tokens"
        tokenizer = borrowed(read.content, read.special, settings)
        encoded = self.job.examples.encoded(tokenizer)
        if encoded.unknown_share > _MOST_UNKNOWN:
            raise CheckpointError(
                f"{self.checkpoint.path}: {encoded.unknown_share:.0%} of the tokens are unknown to its "
                "tokenizer",
                hint="Take a checkpoint that reads this language, or copy tokenizer.json of the same model.",
            )
        return tokenizer, encoded, reason

    def _asked_settings(
        self, asked: TokenizerSettings, positions: int | None, frame: int
    ) -> TokenizerSettings:
        given = asked.model_dump(exclude_none=True, exclude_defaults=True)
        own = [key for key in given if key not in ("max_length", "truncate")]
        if own:
            raise ConfigError(
                f"tokenizer.{own[0]} does not go with --from: the checkpoint brings its own tokenizer",
                hint="Only tokenizer.max_length and tokenizer.truncate can be set.",
            )
        longest = asked.max_length or positions or 512
        if longest <= frame:
            raise _too_short("tokenizer.max_length", longest, frame)
        if positions is not None and longest > positions:
            raise _beyond(longest, positions, str(self.checkpoint.path))
        return TokenizerSettings(kind="pretrained", max_length=longest, truncate=asked.truncate or "head")

    def reasons(self) -> dict[str, str]:
        origin = f"{self.checkpoint.name}, a {self.checkpoint.type}"
        found = {"model.checkpoint": f"{origin}; tuned: {self.asked.tune}"}
        if self._head not in ("", NEW):
            found["model.head"] = self._head
        if self.recipe.learn.optimizer.rate == "auto":
            rate = (
                f"{self._learn[0].optimizer.rate:g}: for width {self._size()[1]} and tune={self.asked.tune}"
            )
            found["learn.optimizer.rate"] = f"{rate}, with {self._learn[0].optimizer.name}"
        return {**super().reasons(), **found}


def _beyond(longest: int, positions: int, where: str) -> ConfigError:
    return ConfigError(
        f"tokenizer.max_length={longest} is beyond the {positions} positions of the model ({where})",
        hint=f"Use: --set tokenizer.max_length={positions}",
    )


def _too_short(name: str, room: int, frame: int) -> ConfigError:
    return ConfigError(
        f"{name}={room} leaves no room for a text: {frame} tokens stand around it",
        hint=f"Take more, such as {name}={8 * frame}.",
    )


TRAINERS: Mapping[str, type[EncoderTrainer]] = {
    "transformer": ScratchTrainer,
    "pretrained": PretrainedTrainer,
}
