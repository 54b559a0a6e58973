"""Small checkpoints from sequence to sequence, random, each with the library's own kind of tokenizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

from made_pairs import pairs

_SMALL: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 96,
    "dropout": 0.0,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
}
_T5: dict[str, Any] = {
    "d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2, "dropout_rate": 0.0,
}  # fmt: skip


def _texts() -> list[str]:
    return [text for pair in pairs() for text in pair]


@cache
def _unigram() -> list[tuple[str, float]]:
    """Pieces and scores, without special tokens."""
    tokenizer: Any = tokenizers.Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer: Any = trainers.UnigramTrainer(vocab_size=300, show_progress=False)
    tokenizer.train_from_iterator(_texts(), trainer)
    return [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


@cache
def _bpe(is_bytes: bool) -> tuple[list[str], list[tuple[str, str]]]:
    """Pieces and merges, without special tokens."""
    tokenizer: Any = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = (
        pre_tokenizers.ByteLevel(add_prefix_space=False) if is_bytes else pre_tokenizers.Metaspace()
    )
    tokenizer.decoder = decoders.ByteLevel() if is_bytes else decoders.Metaspace()
    letters = pre_tokenizers.ByteLevel.alphabet() if is_bytes else []
    trainer: Any = trainers.BpeTrainer(vocab_size=500, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator(_texts(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].__getitem__), [tuple(m) for m in model["merges"]]


def _t5() -> tuple[Any, dict[str, Any]]:
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    tokenizer = transformers.T5Tokenizer(vocab=special + _unigram(), extra_ids=2)
    return tokenizer, {**_T5, "decoder_start_token_id": 0}


def _flan() -> tuple[Any, dict[str, Any]]:
    """T5 1.1: gated, and its last layer is another table, as its config still says."""
    tokenizer, values = _t5()
    return tokenizer, {**values, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


def _pegasus() -> tuple[Any, dict[str, Any]]:
    special = [(token, 0.0) for token in ("<pad>", "</s>", "<mask_1>", "<mask_2>")]
    special += [(f"<unk_{i}>", 0.0) for i in range(2, 103)] + [("<unk>", 0.0)]
    return transformers.PegasusTokenizer(vocab=special + _unigram()), {**_SMALL, "decoder_start_token_id": 0}


def _bart() -> tuple[Any, dict[str, Any]]:
    pieces, merges = _bpe(True)
    vocabulary = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces, "<mask>"])}
    return transformers.BartTokenizer(vocab=vocabulary, merges=merges), {
        **_SMALL, "decoder_start_token_id": 2, "forced_bos_token_id": 0,
    }  # fmt: skip


def _mbart() -> tuple[Any, dict[str, Any]]:
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *_unigram()]
    tokenizer: Any = transformers.MBartTokenizer(vocab=vocabulary, src_lang="en_XX", tgt_lang="zh_CN")
    return tokenizer, dict(_SMALL)


def _mbart50() -> tuple[Any, dict[str, Any]]:
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *_unigram()]
    tokenizer: Any = transformers.MBart50Tokenizer(vocab=vocabulary, src_lang="en_XX", tgt_lang="zh_CN")
    return tokenizer, {**_SMALL, "decoder_start_token_id": 2}


def _nllb() -> tuple[Any, dict[str, Any]]:
    pieces, merges = _bpe(False)
    vocabulary = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    tokenizer: Any = transformers.NllbTokenizer(
        vocab=vocabulary, merges=merges, src_lang="eng_Latn", tgt_lang="zho_Hans"
    )
    return tokenizer, {**_SMALL, "decoder_start_token_id": 2, "scale_embedding": True}


MAKERS: dict[str, tuple[str, Callable[[], tuple[Any, dict[str, Any]]]]] = {
    "t5": ("t5", _t5),
    "flan": ("t5", _flan),
    "mt5": ("mt5", _t5),
    "pegasus": ("pegasus", _pegasus),
    "bart": ("bart", _bart),
    "mbart": ("mbart", _mbart),
    "mbart50": ("mbart", _mbart50),
    "nllb": ("m2m_100", _nllb),
}


_DATA = Path(__file__).parent / "data"
_MARIAN, _M2M100 = _DATA / "marian", _DATA / "m2m100"


def marian_checkpoint(folder: Path) -> Path:
    """Write one as those of OPUS-MT, with the files that its tokenizer needs."""
    ids = json.loads((_MARIAN / "vocab.json").read_text(encoding="utf-8"))
    pad = ids["<pad>"]
    special = {
        "pad_token_id": pad,
        "decoder_start_token_id": pad,
        "eos_token_id": 0,
        "forced_eos_token_id": 0,
    }
    config = transformers.MarianConfig(vocab_size=len(ids), scale_embedding=True, **special, **_SMALL)
    torch.manual_seed(0)
    transformers.MarianMTModel(config).save_pretrained(folder)
    for name in ("source.spm", "target.spm", "vocab.json"):
        shutil.copy(_MARIAN / name, folder / name)
    return folder


def m2m100_checkpoint(folder: Path) -> Path:
    """Write one as those of M2M100, with the files that its tokenizer needs."""
    count = (
        len(json.loads((_M2M100 / "vocab.json").read_text(encoding="utf-8"))) + 108
    )  # with eight of no use
    special = {"pad_token_id": 1, "decoder_start_token_id": 2, "eos_token_id": 2, "bos_token_id": 0}
    config = transformers.M2M100Config(vocab_size=count, scale_embedding=True, **special, **_SMALL)
    torch.manual_seed(0)
    transformers.M2M100ForConditionalGeneration(config).save_pretrained(folder)
    for name in ("sentencepiece.bpe.model", "vocab.json"):
        shutil.copy(_M2M100 / name, folder / name)
    return folder


def made_by_the_library(name: str) -> dict[str, Any]:
    """What the library's own tokenizer, which needs sentencepiece, made of `sources` and `targets`."""
    made: dict[str, Any] = json.loads((_DATA / name / "wanted.json").read_text(encoding="utf-8"))
    return made


def pair_checkpoint(folder: Path, name: str, **more: Any) -> tuple[Path, Any]:
    """Write a checkpoint of a kind of `MAKERS` as the Hub has them; its folder and its tokenizer."""
    kind, make = MAKERS[name]
    tokenizer, values = make()
    ids = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("bos", "eos", "pad")}
    if ids["bos_token_id"] is None:
        del ids["bos_token_id"]
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(tokenizer), **ids, **values, **more)
    torch.manual_seed(0)
    model = transformers.AutoModelForSeq2SeqLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder, tokenizer
