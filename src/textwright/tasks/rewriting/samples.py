"""What a report shows of a model of pairs: some that were held out, with what it makes of them."""

from __future__ import annotations

import json

import numpy as np

from textwright.learn.packed import Tokens
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel
from textwright.text.pairs.tokens import sides_of

# What an exported model is compared on too.
_SAMPLES = 64


def rewritten_samples(model: LanguageModel, tokens: Tokens, settings: DecodeSettings) -> str:
    """The first held-out pairs, a JSON object a line."""
    row = tokens.take(np.array([0]), len(tokens))[0]
    sources, targets = (
        side.take(np.arange(min(_SAMPLES, len(side)))) for side in sides_of(row, model.vocabulary.end_id)
    )
    engine = LibraryEngine(model.model, model.vocabulary, model.never, model.length)
    found = engine.decode(sources, settings)
    decode = model.tokenizer.decode
    records = [
        {
            "prompt": decode(source[:-1].tolist()),
            "text": decode(answers[0].ids),
            "wanted": decode(target[:-1].tolist()),
        }
        for source, target, answers in zip(sources, targets, found, strict=True)
    ]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
