"""The frame that a checkpoint's tokenizer puts around a text, found by looking."""

from __future__ import annotations

import pytest
import tokenizers
from tokenizers import models, processors

from textwright.core.errors import TokenizerError
from textwright.text.tokenizers import TokenizerSettings
from textwright.text.tokenizers.framed import borrowed

SPECIAL = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def of(*pieces: str) -> str:
    """A tokenizer without an unknown token, which leaves out what it does not know."""
    backend = tokenizers.Tokenizer(
        models.BPE({piece: i for i, piece in enumerate([*SPECIAL.values(), *pieces])}, [])
    )
    backend.add_special_tokens([*SPECIAL.values()])
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return backend.to_str()


@pytest.mark.parametrize("piece", ["a", "的", "ж"])
def test_a_vocabulary_without_the_first_probe(piece: str) -> None:
    frame = borrowed(of(piece), SPECIAL, TokenizerSettings(kind="pretrained")).frame
    assert (frame.prefix, frame.suffix) == ((1,), (2,))


def test_a_vocabulary_without_any_text() -> None:
    with pytest.raises(TokenizerError, match="makes no token of any text") as caught:
        borrowed(of(), SPECIAL, TokenizerSettings(kind="pretrained"))
    assert "tokenizer.json" in caught.value.hint
