"""Small Hugging Face checkpoints that tests make: random weights, and a tokenizer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedTokenizerFast

import textwright
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import END_OF_TEXT, ended, framed

TEXTS = [
    "the cat sat on the mat",
    "a dog ran far away",
    "很好的电影 我喜欢",
    "不好看 我不喜欢",
    "good bad good",
]
SAMPLE = Path(textwright.__file__).parent / "sample"
_SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}


@cache
def plain_tokenizer() -> Tokenizer:
    """One that knows the words of these texts, and the usual ones of the packaged sample."""
    sample = [path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.csv"))]
    settings = TokenizerSettings(kind="word", lowercase=True, vocabulary_size=400)
    return train_tokenizer(TEXTS * 99 + sample, settings)


@cache
def tiny_tokenizer() -> Tokenizer:
    """With [CLS], [SEP] and [MASK]."""
    return framed(plain_tokenizer())


_WITHOUT_FRAME = {f"{role}_token_id": None for role in ("cls", "sep", "bos", "eos")}
_OWN: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48},
    "electra": {"embedding_size": 16},
    "esm": {"mask_token_id": 3, "position_embedding_type": "absolute"},
    "eurobert": {"num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2, "mask_token_id": 3},
    "longformer": {"attention_window": 8},
    "modernbert": _WITHOUT_FRAME,
    "squeezebert": {
        "embedding_size": 32,
        **{f"{part}_groups": 1 for part in ("q", "k", "v", "post_attention", "intermediate", "output")},
    },
}


def tiny_config(kind: str, **more: Any) -> PreTrainedConfig:
    """The config of a small encoder of some class."""
    values = {**_SMALL, "vocab_size": tiny_tokenizer().size, "pad_token_id": 0, **_OWN.get(kind, {}), **more}
    return transformers.AutoConfig.for_model(kind, **values)


KINDS = ("bert", "roberta", "distilbert", "albert", "electra", "deberta-v2", "modernbert")
# Their weights have other names in files than in the class.
RENAMED = ("gte", "esm", "nomic_bert", "jina_embeddings_v3", "ultrabert")


def tiny_checkpoint(folder: Path, kind: str = "bert", *, seed: int = 0, **more: Any) -> Path:
    """Write a masked language model of some architecture with its tokenizer, as the Hub has them."""
    tokenizer = tiny_tokenizer()
    torch.manual_seed(seed)
    model = transformers.AutoModelForMaskedLM.from_config(tiny_config(kind, **more))
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer.from_str(tokenizer.content), **tokenizer.frame.special
    )
    fast.save_pretrained(folder)
    return folder


def tiny_classifier(folder: Path, labels: list[str], kind: str = "bert") -> Path:
    """Write a sequence classifier that knows these labels, with its tokenizer."""
    tiny_checkpoint(folder, kind)
    config = tiny_config(
        kind, id2label=dict(enumerate(labels)), label2id={n: i for i, n in enumerate(labels)}
    )
    torch.manual_seed(1)
    transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    return folder


DECODERS = ("gpt2", "qwen3", "nanochat")
_OF_DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40},
    "qwen3": {**_SMALL, "head_dim": 16, "num_key_value_heads": 1},
    "nanochat": {**_SMALL, "num_key_value_heads": 2},
}


def tiny_decoder(folder: Path, kind: str, *, pads: bool = False, **more: Any) -> Path:
    """Write a causal language model with its tokenizer; as those of GPT-2 it has no token of padding, unless
    it `pads`.
    """
    tokenizer = ended(plain_tokenizer())
    special = {**tokenizer.frame.special}
    if not pads:
        del special["pad_token"]
    ids = {f"{role}_token_id": tokenizer.vocabulary[END_OF_TEXT] for role in ("bos", "eos")}
    ids["pad_token_id"] = 0 if pads else None
    values = {**_OF_DECODERS[kind], "vocab_size": tokenizer.size, **ids, **more}
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **values)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)
    return folder


def only_vocabulary(folder: Path) -> None:
    """Leave of the tokenizer a vocab.txt of BERT's kind, as old checkpoints have it."""
    pieces = tiny_tokenizer().pieces
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
