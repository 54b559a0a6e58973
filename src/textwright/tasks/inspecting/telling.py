"""How a model that makes one text of another tells its answer: how sure it was of each token, what it would
have told instead, and where in the source it looked. That is not why it answers so (arXiv:1902.10186).

Shapes: S tokens that are read, T tokens that are told, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textwright.core.errors import DataError
from textwright.core.records import Note
from textwright.tasks.inspecting.alike import nearest_record
from textwright.tasks.inspecting.expecting import name_of, place_records, rounded, token_records
from textwright.tasks.inspecting.looking import MOST_HEADS, MOST_LAYERS, MOST_TOKENS
from textwright.tasks.inspecting.places import chosen_places
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.model import ended
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.filling import with_gaps
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.retelling import answers

PAIRS_PAGE, GAPS_PAGE = "pairs", "gaps"
_DIGITS, _PLAIN = 4, "eager"


def read_and_tell(
    model: LanguageModel, source: str, settings: DecodeSettings, at: Sequence[int] = ()
) -> dict[str, Any]:
    """All records of the best answer to a source: `text` is the answer, `source` what was read.

    Raises DataError for a source without tokens, ConfigError for a token in `at` that there is not.
    """
    read = ended(model.tokenizer, [source], model.frame, model.length)
    num_tokens = int(model.tokenizer.whole([source]).lengths[0])
    if not num_tokens:
        raise DataError(f"no token in the text {source[:60]!r}", hint="Example: --text 'Once upon a time'")
    ((best, *_),) = LibraryEngine.of(model).decode(read, settings)
    told = [*best.ids, model.frame.end_id] if best.is_whole else [*best.ids]
    read = model.frame.around(read)
    record = _record(model, read.values.tolist(), told, _spelled(model, best.ids), at)
    notes = [note.text for note in _notes(model, num_tokens, best.is_whole)]
    return {**record, "objective": PAIRS_PAGE, "source": source, "notes": notes}


def read_and_fill(model: LanguageModel, source: str, at: Sequence[int] = ()) -> dict[str, Any]:
    """All records of what a model fills the gaps of a text with: `text` holds each gap's mark and its tokens.

    Raises DataError for a source without a gap or beyond the window, ConfigError as `read_and_tell`.
    """
    frame = model.tokenizer.frame
    read = with_gaps(model, source, frame.prefix, frame.suffix)
    (told, _), *_ = answers(model, read)
    record = _record(model, read, told, _spelled_gaps(model, told), at)
    return {**record, "objective": GAPS_PAGE, "source": source, "notes": []}


def _record(
    model: LanguageModel,
    read: Sequence[int],
    told: Sequence[int],
    spelled: tuple[str, list[tuple[int, int]]],
    at: Sequence[int],
) -> dict[str, Any]:
    shares_TV, looks = _told(model, read, told)
    text, spans = spelled
    spans = [*spans, *([(len(text), len(text))] * (len(told) - len(spans)))]
    tokens = [
        {**record, "start": start, "end": end}
        for record, (start, end) in zip(token_records(model, told, shares_TV), spans, strict=True)
    ]
    bits = sum(token["bits"] for token in tokens)
    return {
        "model": model.architecture.name,
        "textwright_version": version("textwright"),
        "text": text,
        "num_tokens": len(told),
        "bits": rounded(bits),
        "bits_per_token": rounded(bits / len(tokens)),
        "bits_per_byte": None,
        "num_likeliest": sum(token["rank"] == 1 for token in tokens),
        "least_expected": max(range(len(tokens)), key=lambda place: tokens[place]["bits"]) + 1,
        "tokens": tokens,
        "places": place_records(model, tokens, shares_TV, chosen_places(at, len(tokens))),
        "attention": _attention(model, read, told, looks),
        "nearest": nearest_record(model, [*read[:-1], *told]),
    }


@torch.no_grad()
def _told(model: LanguageModel, read: Sequence[int], told: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
    """The log-probabilities (T, V) of all tokens at each place of an answer, and of each layer the weights
    (heads, T, S) of what was looked at.
    """
    network = model.model
    ids = torch.tensor([[*read]], device=model.device)
    known = torch.tensor([[*model.frame.known, *told[:-1]]], device=model.device)
    before = network.config._attn_implementation
    if not model.architecture.is_recurrent:
        network.set_attn_implementation(_PLAIN)  # others keep no weights
    try:
        made = network(input_ids=ids, decoder_input_ids=known, output_attentions=True)
    finally:
        if not model.architecture.is_recurrent:
            network.set_attn_implementation(before)
    first = len(model.frame.forced)
    looks = [
        weights[0].float().reshape(-1, *weights.shape[-2:])[:, first:].cpu()
        for weights in made.cross_attentions
    ]
    return made.logits[0, first:].float().log_softmax(-1), looks


def _spelled(model: LanguageModel, ids: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
    """The text of an answer, and where in it each token begins and ends."""
    ends = [len(model.tokenizer.decode([*ids[:n]])) for n in range(len(ids) + 1)]
    text = model.tokenizer.decode([*ids])
    ends = [min(end, len(text)) for end in ends]
    return text, [(min(a, b), b) for a, b in pairwise(ends)]


def _spelled_gaps(model: LanguageModel, told: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
    """The same of what fills gaps: the mark of each gap, then the text that fills it."""
    mask, text, spans = model.vocabulary.mask_id, "", list[tuple[int, int]]()
    for is_mask, group in groupby(told, key=lambda token: token == mask):
        ids = [token for token in group if token != model.frame.end_id]
        part, own = (name_of(model, ids[0]), []) if is_mask else _spelled(model, ids)
        spans += [(len(text) + a, len(text) + b) for a, b in (own or [(0, len(part))] * is_mask)]
        text += part
    return text, spans


def _attention(
    model: LanguageModel, read: Sequence[int], told: Sequence[int], looks: Sequence[Tensor]
) -> dict[str, Any]:
    """Where the heads look: from the first tokens that were told (rows) to the first that were read."""
    chosen = np.unique(np.linspace(0, len(looks) - 1, min(len(looks), MOST_LAYERS)).round().astype(int))
    cut = [looks[layer][:MOST_HEADS, :MOST_TOKENS, :MOST_TOKENS].double().numpy() for layer in chosen]
    return {
        "tokens": [name_of(model, token) for token in told[:MOST_TOKENS]],
        "seen": [name_of(model, token) for token in read[:MOST_TOKENS]],
        "num_read": len(read),
        "layers": [
            {"layer": layer + 1, "heads": weights.round(_DIGITS).tolist()}
            for layer, weights in zip(chosen.tolist(), cut, strict=True)
        ],
        "num_layers": len(looks),
        "num_heads": len(looks[0]),
        "why": None,
    }


def _notes(model: LanguageModel, num_tokens: int, is_whole: bool) -> list[Note]:
    notes = []
    if num_tokens > model.length - 1:
        name = model.architecture.name
        notes.append(
            Note(
                f"the text has {num_tokens:,} tokens, and this {name} reads {model.length - 1:,} of a text "
                "at once: the first ones are shown"
            )
        )
    if not is_whole:
        notes.append(Note("the answer was cut before its end"))
    return notes
