"""Models and tokenizers in folders that the Hugging Face library opens as they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tokenizers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from textwright.models.transformer.quiet import quiet
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.turns import chat_template, has_turns


def save_for_library(folder: Path, model: PreTrainedModel, tokenizer: Tokenizer, longest: int | None) -> None:
    """Write config.json, model.safetensors and the tokenizer, which tells of texts up to `longest` tokens,
    and of a frame of conversations as `chat_template`.
    """
    with quiet():
        model.save_pretrained(folder)
    make: Any = PreTrainedTokenizerFast
    fast = make(
        tokenizer_object=tokenizers.Tokenizer.from_str(tokenizer.content),
        model_max_length=longest,
        truncation_side="left" if tokenizer.settings.truncate == "tail" else "right",
        **tokenizer.frame.special,
    )
    if has_turns(tokenizer):
        fast.chat_template = chat_template(fast.bos_token or fast.eos_token, fast.eos_token or fast.bos_token)
    fast.save_pretrained(folder)
    tokenizer.save(folder)  # last: its tokenizer.json says the same, and has its hash beside it
