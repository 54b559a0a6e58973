"""Small Hugging Face checkpoints that tests make: an encoder with random weights, and a tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import framed

TEXTS = [
    "the cat sat on the mat",
    "a dog ran far away",
    "很好的电影 我喜欢",
    "不好看 我不喜欢",
    "good bad good",
]
_SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}


def tiny_tokenizer() -> Tokenizer:
    return framed(train_tokenizer(TEXTS * 2, TokenizerSettings(kind="word", lowercase=True)))


def _config(kind: str, size: int) -> PreTrainedConfig:
    special: dict[str, Callable[[], PreTrainedConfig]] = {
        "distilbert": lambda: transformers.DistilBertConfig(
            vocab_size=size, dim=32, n_layers=2, n_heads=2, hidden_dim=48, max_position_embeddings=40
        ),
        "modernbert": lambda: transformers.ModernBertConfig(
            vocab_size=size,
            pad_token_id=0,
            cls_token_id=None,
            sep_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
            **_SMALL,
        ),
        "albert": lambda: transformers.AlbertConfig(
            vocab_size=size, embedding_size=16, pad_token_id=0, **_SMALL
        ),
        "roberta": lambda: transformers.RobertaConfig(vocab_size=size, pad_token_id=0, **_SMALL),
        "electra": lambda: transformers.ElectraConfig(vocab_size=size, embedding_size=16, **_SMALL),
        "deberta-v2": lambda: transformers.DebertaV2Config(
            vocab_size=size, relative_attention=True, pos_att_type=["p2c", "c2p"], **_SMALL
        ),
    }
    return special[kind]() if kind in special else transformers.BertConfig(vocab_size=size, **_SMALL)


KINDS = ("bert", "roberta", "distilbert", "albert", "electra", "deberta-v2", "modernbert")


def tiny_checkpoint(folder: Path, kind: str = "bert", *, seed: int = 0) -> Path:
    """Write a masked language model of some architecture with its tokenizer, as the Hub has them."""
    tokenizer = tiny_tokenizer()
    torch.manual_seed(seed)
    model = transformers.AutoModelForMaskedLM.from_config(_config(kind, tokenizer.size))
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer.from_str(tokenizer.content), **tokenizer.frame.special
    )
    fast.save_pretrained(folder)
    return folder
