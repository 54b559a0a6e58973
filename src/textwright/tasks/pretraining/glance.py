"""The text of a language model at a glance: how much of it, in which scripts, cut into which tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from textwright.text.documents.shards import Shards
from textwright.text.documents.tokens import TokenCorpus
from textwright.text.script import script_shares
from textwright.text.tokenizers import Tokenizer

# Places in the text that its scripts are seen at, and tokens at each.
_PLACES, _TOKENS = 64, 1024


def text_at_a_glance(corpus: TokenCorpus) -> dict[str, Any]:
    """Counts, shares and names, no text: `data.json` of the folder."""
    parts = {"train": corpus.train, "validation": corpus.validation}
    tokenizer = corpus.tokenizer
    shares = script_shares(_looked_at(corpus.train, tokenizer))
    return {
        "bytes": {name: int(part.about["bytes"]) for name, part in parts.items()},
        "documents": {name: int(part.about["documents"]) for name, part in parts.items()},
        "tokens": {name: len(part) for name, part in parts.items()},
        "tokenizer": tokenizer.settings.kind,
        "kinds": tokenizer.size,
        "bytes_per_token": round(int(corpus.train.about["bytes"]) / max(len(corpus.train), 1), 3),
        "mask": tokenizer.frame.special.get("mask_token"),
        "scripts": {name: round(share, 4) for name, share in shares.items()},
    }


def _looked_at(train: Shards, tokenizer: Tokenizer) -> Iterator[str]:
    """Pieces of the text, evenly spread over it."""
    ids, special = tokenizer.vocabulary, tokenizer.frame.special.values()
    between = [ids[token] for token in special if token in ids]  # whose names are no text
    length = min(len(train), _TOKENS)
    last = len(train) - length
    for start in sorted({last * place // (_PLACES - 1) for place in range(_PLACES)}):
        row = train.take([start], length)[0]
        yield tokenizer.decode(row[~np.isin(row, between)].tolist())
