"""What a report shows of a model of pairs: some that were held out, with what it makes of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch

from textwright.core.ragged import IntArray
from textwright.learn.packed import Tokens
from textwright.tasks.inspecting.expecting import name_of
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel
from textwright.text.pairs.tokens import sides_of

# What an exported model is compared on too.
_SAMPLES = 64
# Answers whose attention is shown, and tokens of each side at most.
_LOOKED_AT, _MOST_TOKENS, _DIGITS = 2, 32, 3


def rewritten_samples(model: LanguageModel, tokens: Tokens, settings: DecodeSettings) -> str:
    """The first held-out pairs, a JSON object a line; the first ones with where it looked, of a model with
    one attention.
    """
    row = tokens.take(np.array([0]), len(tokens))[0]
    sources, targets = (
        side.take(np.arange(min(_SAMPLES, len(side)))) for side in sides_of(row, model.vocabulary.end_id)
    )
    found = LibraryEngine.of(model).decode(sources, settings)
    decode = model.tokenizer.decode
    records: list[dict[str, Any]] = [
        {
            "prompt": decode(source[:-1].tolist()),
            "text": decode(answers[0].ids),
            "wanted": decode(target[:-1].tolist()),
        }
        for source, target, answers in zip(sources, targets, found, strict=True)
    ]
    if model.architecture.is_recurrent:
        for place, record in enumerate(records[:_LOOKED_AT]):
            record["attention"] = attention_of(model, sources[place], found[place][0].ids)
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@torch.no_grad()
def attention_of(model: LanguageModel, source: IntArray, answer: list[int]) -> dict[str, Any]:
    """The tokens that were `read` and `told`, their ends too, and the `weights` of what was looked at: a row
    for each that was told.
    """
    end = model.vocabulary.end_id
    read, told = source[:_MOST_TOKENS].tolist(), [*answer, end][:_MOST_TOKENS]
    known = torch.tensor([[end, *told[:-1]]], device=model.device)
    ids = torch.from_numpy(source.astype(np.int64))[None].to(model.device)
    (weights,) = model.model(input_ids=ids, decoder_input_ids=known).cross_attentions
    return {
        "read": [name_of(model, token) for token in read],
        "told": [name_of(model, token) for token in told],
        "weights": weights[0, :, : len(read)].double().cpu().numpy().round(_DIGITS).tolist(),
    }
