"""Tokens of long documents: made a few at a time, and the same as if all were made at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textwright.text.documents import tokens
from textwright.text.documents.reading import Document
from textwright.text.documents.shards import ShardWriter
from textwright.text.tokenizers import TokenizerSettings, base, train_tokenizer

TEXTS = [f"the {i} quick brown foxes jump over {i * 7} lazy dogs" for i in range(40)]


def test_portions_change_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="bpe"))
    whole = tokenizer.whole(TEXTS)
    monkeypatch.setattr(base, "_CHARACTERS_PER_CALL", 100)
    parted = tokenizer.whole(TEXTS)
    assert np.array_equal(parted.values, whole.values)
    assert np.array_equal(parted.offsets, whole.offsets)


def test_a_part_holds_no_more_text_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_BYTES_PER_CALL", 200)
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="bpe"))
    part = tokens.Part(ShardWriter(tmp_path / "train", tokenizer.size + 1), tokenizer, tokenizer.size)
    for number, text in enumerate(TEXTS):
        part.add(text, number, Document(text, 0, number + 1))
        assert sum(len(held) for held, _ in part._held) < 200
    shards = part.close({})
    assert len(shards) == len(TEXTS) + sum(tokenizer.whole(TEXTS).lengths)
