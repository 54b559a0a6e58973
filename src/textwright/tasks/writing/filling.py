"""Gaps filled: by a model that sees both sides the likeliest tokens for each; by one from sequence to
sequence spans of any length.

Shapes: T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from textwright.core.errors import ConfigError, DataError
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.retelling import told_spans
from textwright.text.tokenizers.framed import MASK, takes_blank


@dataclass(frozen=True)
class Filled:
    """A text with its gaps: for each in turn the likeliest tokens, or spans, with their probabilities, and
    the text with the likeliest of all put in.
    """

    text: str
    gaps: list[list[tuple[str, float]]]

    def to_json(self) -> dict[str, Any]:
        gaps = [[{"token": token, "probability": share} for token, share in gap] for gap in self.gaps]
        return {"text": self.text, "gaps": gaps}


@torch.no_grad()
def fill(model: LanguageModel, texts: Sequence[str], *, most: int = 5) -> list[Filled]:
    """Fill each [MASK] in the texts, from left to right the surest first.

    Raises ConfigError for a model that only writes, DataError for a text without a gap or beyond the window.

    >>> fill(LanguageModel.load("my-language"), ["a [MASK] day"])[0].text  # doctest: +SKIP
    'a good day'
    """
    filled = _FILLERS.get(model.objective)
    if filled is None:
        raise ConfigError(
            f"a {model.architecture.name} writes on; it does not fill gaps",
            hint="Use: textwright generate DIR --prompt 'Once'",
        )
    return [filled(model, text, most) for text in texts]


def _filled(model: LanguageModel, text: str, most: int) -> Filled:
    words = model.vocabulary
    ids = with_gaps(model, text, (words.start_id,), (words.end_id,))
    gaps = [place for place, token in enumerate(ids) if token == model.vocabulary.mask_id]
    found: dict[int, list[tuple[str, float]]] = {}
    while open_gaps := [place for place in gaps if place not in found]:
        row = torch.tensor([ids], device=model.device)
        places = torch.tensor([open_gaps], device=model.device)
        logits = model.network(row, torch.ones_like(row, dtype=torch.bool), places).logits[0].float()
        for token in (model.vocabulary.pad_id, model.vocabulary.start_id, model.vocabulary.end_id):
            logits[:, token] = -torch.inf
        logits[:, model.vocabulary.mask_id or 0] = -torch.inf
        logits[:, model.tokenizer.size :] = -torch.inf
        shares, tokens = logits.softmax(-1).topk(min(most, logits.shape[-1]), -1)
        surest = int(shares[:, 0].argmax())
        found[open_gaps[surest]] = [
            (model.tokenizer.pieces[token], round(share, 6))
            for token, share in zip(tokens[surest].tolist(), shares[surest].tolist(), strict=True)
        ]
        ids[open_gaps[surest]] = int(tokens[surest, 0])
    return Filled(model.tokenizer.decode(ids[1:-1]), [found[place] for place in gaps])


def _retold(model: LanguageModel, text: str, most: int) -> Filled:
    frame = model.tokenizer.frame
    gaps = told_spans(model, with_gaps(model, text, frame.prefix, frame.suffix), most)
    first, *rest = _around_gaps(model, text)
    return Filled(first + "".join(gap[0][0] + part for gap, part in zip(gaps, rest, strict=True)), gaps)


_FILLERS = {"masked": _filled, "hybrid": _filled, "denoise": _retold}


def _around_gaps(model: LanguageModel, text: str) -> list[str]:
    """What stands before, between and behind the gaps; of words with the blank before them in one piece, as
    byte-level BPE has them, the blank before a gap is of what is missing.
    """
    mask = model.tokenizer.frame.special["mask_token"]
    *parts, last = text.replace(MASK, mask).split(mask)
    if not parts:
        raise DataError(f"no gap in the text {text[:60]!r}", hint=f"Write {mask} where a token is missing.")
    if takes_blank(model.tokenizer):
        parts = [part.removesuffix(" ") for part in parts]
    return [*parts, last]


def with_gaps(model: LanguageModel, text: str, before: tuple[int, ...], behind: tuple[int, ...]) -> list[int]:
    """The ids of a text and what stands around it, with the mask in its gaps."""
    parts = _around_gaps(model, text)
    assert model.vocabulary.mask_id is not None
    ids = [*before]
    for number, row in enumerate(model.tokenizer.whole(parts)):
        ids += [model.vocabulary.mask_id, *map(int, row)] if number else [*map(int, row)]
    ids += behind
    if len(ids) > model.length:
        raise DataError(
            f"the text has {len(ids):,} tokens, and the model reads {model.length:,}",
            hint="Give a shorter text around the gap.",
        )
    return ids
