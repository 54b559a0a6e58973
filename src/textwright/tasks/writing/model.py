"""A language model with its tokenizer; the folder is one of the Hugging Face library."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from textwright.bundle.folder import load_verified
from textwright.bundle.manifest import LANGUAGE
from textwright.core.errors import BundleError, TokenizerError
from textwright.core.files import read_json
from textwright.core.pairframe import PairFrame
from textwright.models.fast.stored import stored
from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.registry import architecture as architecture_named
from textwright.models.transformer.checkpoint import refuse_foreign_code
from textwright.runtime.compute import LEAST_GAIN, best_device, bf16_gain
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.library import save_for_library
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.turns import TurnFrame, has_turns


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    """The special tokens of a tokenizer by their roles: of one that fills gaps, or of one that writes.

    Raises TokenizerError where it has none for a part that is needed.
    """
    ids, special = tokenizer.vocabulary, tokenizer.frame.special
    mask = special.get("mask_token")
    # One that fills gaps and writes as well has a mask, and what stands between texts.
    start = (mask and special.get("cls_token")) or special.get("bos_token") or special.get("eos_token")
    end = (mask and special.get("sep_token")) or special.get("eos_token") or start
    if start is None or end is None:
        raise TokenizerError(
            "the tokenizer has no token that begins or ends a text",
            hint="Take a checkpoint whose tokenizer names one (tokenizer_config.json).",
        )
    mask_id = ids[mask] if mask else None
    # An end that tells a sequence to stop parts no documents: of models from sequence to sequence.
    frame = tokenizer.frame
    is_end = mask is not None and ids[end] in frame.suffix and ids[start] not in frame.prefix
    between_id = ids[start] if is_end else None
    return Vocabulary(tokenizer.size, tokenizer.pad_id, ids[start], ids[end], mask_id, between_id)


def frame_of(tokenizer: Tokenizer) -> TurnFrame:
    """The frame of a conversation in the ids of a tokenizer that has one."""
    vocabulary = vocabulary_of(tokenizer)
    return TurnFrame.of(tokenizer, vocabulary.start_id, vocabulary.end_id)


def never_told(tokenizer: Tokenizer, size: int) -> list[int]:
    """Special tokens that stand in no text, and rows of a table of `size` that no token has."""
    words = vocabulary_of(tokenizer)
    special = {words.pad_id, words.start_id, words.mask_id, tokenizer.unknown_id} - {words.end_id}
    turns = TurnFrame.of(tokenizer, 0, 0).ids if has_turns(tokenizer) else ()
    special |= {*tokenizer.added.values()} - {words.end_id, words.parting_id, *turns}
    return [*sorted(i for i in special if i is not None), *range(tokenizer.size, size)]


def pair_frame_of(schema: Mapping[str, Any]) -> PairFrame | None:
    """What a manifest says of what stands around pairs."""
    return PairFrame.parse(schema["frame"]) if "frame" in schema else None


def _other_task(folder: Path, task: str, tasks: Sequence[str]) -> BundleError:
    if LANGUAGE in tasks:
        return BundleError(
            f"{folder}: is a model for {task}, not a language model",
            hint="Make one: textwright pretrain FILES --out DIR",
        )
    return BundleError(
        f"{folder}: is a model for {task}, not for {' or '.join(tasks)}",
        hint=f"Make one: textwright train PAIRS --task {tasks[0]} --out DIR",
    )


@dataclass
class LanguageModel:
    """What was learned of a language; `length` tokens are read at once.

    `opening` stands before every text that is written, and is not shown: the end of a line where plain files
    were learned from, of which nothing else says where a text begins. One that `is_hybrid` writes, and fills
    gaps as well.

    >>> model = LanguageModel.load("my-language")  # doctest: +SKIP
    """

    architecture: LanguageArchitecture
    network: nn.Module
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    length: int
    opening: str = ""
    is_hybrid: bool = False
    pair_frame: PairFrame | None = None
    _stored: LanguageModel | None = field(default=None, repr=False)

    @cached_property
    def turns(self) -> TurnFrame | None:
        """The frame of conversations, of a model that was taught to answer."""
        return frame_of(self.tokenizer) if has_turns(self.tokenizer) else None

    @property
    def objective(self) -> str:
        """What it was made by, as far as its use goes."""
        if self.turns is not None:
            return "instruct"
        return "hybrid" if self.is_hybrid else self.architecture.objective

    @cached_property
    def never(self) -> list[int]:
        """See `never_told`."""
        return never_told(self.tokenizer, int(self.model.config.vocab_size))

    @property
    def frame(self) -> PairFrame:
        """What stands around pairs."""
        return self.pair_frame or PairFrame.usual(self.vocabulary.end_id)

    @property
    def room(self) -> int:
        """Tokens of a text that it goes by when it writes: a state takes in any number."""
        return sys.maxsize if self.architecture.is_recurrent else self.length

    @property
    def model(self) -> Any:
        """The model of the Hugging Face library, or the one made like them."""
        network: Any = self.network
        return network.model

    def quick(self, precision: str) -> LanguageModel:
        """The same model for writing, with its products in bf16 where that is asked for, or pays here."""
        is_cast = precision == "bf16" or (
            precision == "auto" and self.device.type == "cpu" and bf16_gain() >= LEAST_GAIN
        )
        if not is_cast:
            return self
        if self._stored is None:
            self._stored = replace(self, network=stored(self.network))
        return self._stored

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @classmethod
    def load(cls, path: str | Path, tasks: Sequence[str] = (LANGUAGE,)) -> LanguageModel:
        """Open a model folder for one of these tasks, its hashes checked.

        Raises BundleError; CheckpointError where its config asks for code from elsewhere.
        """
        folder = Path(path)
        manifest = load_verified(folder)
        if manifest.task not in tasks:
            raise _other_task(folder, manifest.task, tasks)
        refuse_foreign_code(
            str(folder), read_json(folder / "config.json"), [file.name for file in folder.iterdir()]
        )
        torch.set_num_threads(usable_cpus())
        architecture = architecture_named(manifest.architecture)
        network = architecture.read(folder)
        network.to(best_device()).eval()
        tokenizer = Tokenizer.load(folder)
        length = architecture.length(network.model.config)
        schema = manifest.data_schema
        opening, is_hybrid = str(schema.get("opening", "")), schema.get("objective") == "hybrid"
        frame, words = pair_frame_of(schema), vocabulary_of(tokenizer)
        return cls(architecture, network, tokenizer, words, length, opening, is_hybrid, frame)

    def save(self, folder: Path) -> None:
        """Write config.json, model.safetensors and the tokenizer, as the Hugging Face library has them."""
        save_for_library(folder, self.model, self.tokenizer, self.length)
