"""The tokenizer of a checkpoint, and how long its texts may be: read, and refused where files do not suit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tokenizers
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertTokenizer

from textwright.core.errors import CheckpointError, first_line
from textwright.models.transformer.checkpoint import Checkpoint
from textwright.models.transformer.pieces import has_pieces, tokenizer_of_pieces
from textwright.models.transformer.quiet import quiet

_SPECIAL = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token", "bos_token", "eos_token")
_OF_BERT = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}
# Of files that a class does not know, the library silently makes a tokenizer of some special tokens.
_LEAST_SHARE = 0.5
_COPY = "Copy tokenizer.json of the same model into the folder."


@dataclass(frozen=True)
class CheckpointTokenizer:
    """The content of a `tokenizer.json`, its special tokens by role, and how it was read if not as usual;
    `target` is the content of the one for what is told, where that is another.
    """

    content: str
    special: dict[str, str]
    remark: str = ""
    target: str = ""

    @property
    def size(self) -> int:
        size: int = tokenizers.Tokenizer.from_str(self.content).get_vocab_size()
        return size


def load_tokenizer(checkpoint: Checkpoint) -> CheckpointTokenizer:
    """What the library makes of the files; a vocab.txt of BERT's kind is read as such beside any model.

    Raises CheckpointError when it cannot be read, or knows far fewer tokens than the model.
    """
    folder, wanted = checkpoint.path, int(getattr(_config(checkpoint), "vocab_size", 0))
    if not (folder / "tokenizer.json").is_file() and has_pieces(folder, checkpoint.type):
        return _by_pieces(folder, checkpoint.type)
    least = _LEAST_SHARE * wanted
    found = _read(folder, AutoTokenizer)
    if found.size < least and _is_of_bert(folder / "vocab.txt"):
        found = _read(folder, BertTokenizer, "its vocab.txt read as one of BERT")
    if found.size >= least:
        return found
    raise CheckpointError(
        f"{folder}: the tokenizer made of its files knows {found.size:,} kinds of tokens, "
        f"the model {wanted:,}: they do not suit a {checkpoint.type}",
        hint=f'{_COPY} Or name their class in tokenizer_config.json: {{"tokenizer_class": "BertTokenizer"}}',
    )


def _read(folder: Path, reader: Any, remark: str = "") -> CheckpointTokenizer:
    try:
        with quiet():
            tokenizer = reader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the library raises whatever its parsers do
        raise _unreadable(folder, error) from None
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise CheckpointError(
            f"{folder}: a {type(tokenizer).__name__} is a slow tokenizer, which has no tokenizer.json",
            hint="Take another checkpoint, whose folder has a tokenizer.json.",
        )
    named = {role: getattr(tokenizer, role, None) for role in _SPECIAL}
    special = {role: str(token) for role, token in named.items() if token}
    return CheckpointTokenizer(tokenizer.backend_tokenizer.to_str(), special, remark)


def _by_pieces(folder: Path, kind: str) -> CheckpointTokenizer:
    try:
        content, target, special = tokenizer_of_pieces(folder, kind)
    except OSError as error:
        why = first_line(error)
        raise CheckpointError(f"{folder}: the tokenizer cannot be read ({why})", hint=_COPY) from None
    return CheckpointTokenizer(content, special, "its files of SentencePiece read as they are", target)


def _unreadable(folder: Path, error: Exception) -> CheckpointError:
    pieces = [file.name for pattern in ("*.model", "*.spm") for file in folder.glob(pattern)]
    if pieces and not (folder / "tokenizer.json").is_file() and find_spec("sentencepiece") is None:
        return CheckpointError(
            f"{folder}: the tokenizer is there as {pieces[0]} only, and sentencepiece is missing",
            hint=f"{_COPY} Or: pip install sentencepiece protobuf",
        )
    why = first_line(error)
    return CheckpointError(f"{folder}: the tokenizer cannot be read ({why})", hint=_COPY)


def _is_of_bert(path: Path) -> bool:
    """Whether a vocab.txt has BERT's special tokens (Chinese ALBERTs and DeBERTas come with one)."""
    return path.is_file() and set(path.read_text(encoding="utf-8", errors="replace").splitlines()) >= _OF_BERT


def longest_text(checkpoint: Checkpoint) -> int | None:
    """How many tokens its positions allow, None if any number."""
    positions = checkpoint.config.get("max_position_embeddings") or checkpoint.config.get("n_positions")
    if not positions or int(positions) <= 0:
        return None
    with torch.device("meta"):  # the layers without their numbers
        body = AutoModel.from_config(_config(checkpoint))
    # RoBERTa and its kin count positions from the padding id on: such a table has it, others have none.
    offsets = [
        part.padding_idx + 1
        for name, part in body.named_modules()
        if isinstance(part, nn.Embedding)
        and name.endswith("position_embeddings")
        and part.padding_idx is not None
    ]
    return int(positions) - max(offsets, default=0)


def _config(checkpoint: Checkpoint) -> Any:
    return AutoConfig.for_model(**checkpoint.config)
