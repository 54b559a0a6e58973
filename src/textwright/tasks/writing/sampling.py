"""Which token comes next: the distribution bent by what was asked, and a draw from it.

Shapes: B texts that are written at once, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from textwright.core.settings import Settings


class WritingSettings(Settings):
    """How a text is written on. The defaults draw from what the model has learned, cut of its long tail."""

    max_tokens: int = Field(200, ge=1, description="tokens to write at most")
    temperature: float = Field(
        0.8, ge=0, description="below 1 is surer, above 1 is bolder; 0 takes the likeliest token each time"
    )
    top_k: int = Field(0, ge=0, description="draw from so many of the likeliest tokens; 0 is no limit")
    top_p: float = Field(
        1.0,
        gt=0,
        le=1,
        description="draw from the likeliest tokens that make up this share (arXiv:1904.09751)",
    )
    min_p: float = Field(
        0.05, ge=0, lt=1, description="leave out what is less likely than this share of the likeliest"
    )
    beams: int = Field(
        1, ge=1, description="keep so many beginnings, and answer the likeliest text; draws none"
    )
    length_penalty: float = Field(
        1.0, ge=0, description="of beams: the sum of log-probabilities is divided by length to this power"
    )
    repetition: float = Field(
        1.0, ge=1, description="what was written lately gets its log-odds divided by this (arXiv:1909.05858)"
    )
    no_repeat: int = Field(0, ge=0, description="never write the same so many tokens in a row again; 0 may")
    stop: tuple[str, ...] = Field((), description="end where one of these texts comes up; it is not kept")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="of the products; auto is bf16 where a short probe shows a gain"
    )
    seed: int = Field(0, description="of what is drawn")


def bent(logits_BV: Tensor, written: list[list[int]], settings: WritingSettings) -> Tensor:
    """The logits with what is not wanted made impossible, before temperature.

    `written` are the tokens of each text so far, its beginning included.
    """
    out = logits_BV.clone()
    for row, ids in enumerate(written):
        if settings.repetition != 1 and ids:
            seen = torch.tensor(sorted(set(ids)), device=out.device)
            known = out[row, seen]
            out[row, seen] = torch.where(known > 0, known / settings.repetition, known * settings.repetition)
        for token in repeated(ids, settings.no_repeat):
            out[row, token] = -torch.inf
    return out


def repeated(ids: list[int], length: int) -> set[int]:
    """Tokens that would make `length` tokens in a row come a second time.

    >>> repeated([1, 2, 3, 1, 2], 3), repeated([1, 2, 3], 0)
    ({3}, set())
    """
    if not length or len(ids) < length:
        return set()
    last = tuple(ids[len(ids) - length + 1 :])
    runs = zip(*(ids[i:] for i in range(length)), strict=False)
    return {run[-1] for run in runs if run[:-1] == last}


def drawn(logits_BV: Tensor, settings: WritingSettings, rng: torch.Generator) -> Tensor:
    """A token (B,) for each row: the likeliest, or drawn from what the settings leave."""
    if settings.temperature == 0:
        return logits_BV.argmax(-1)
    shares_BV = (logits_BV.float() / settings.temperature).softmax(-1)
    for keep in _FILTERS:
        shares_BV = keep(shares_BV, settings)
    # Exponential races: the winner falls to each token by its share, whatever the shares add up to.
    noise_BV = torch.empty_like(shares_BV).exponential_(generator=rng)
    return (shares_BV / noise_BV.clamp_min(1e-30)).argmax(-1)


def _of_the_first(shares_BV: Tensor, settings: WritingSettings) -> Tensor:
    if not 0 < settings.top_k < shares_BV.shape[-1]:
        return shares_BV
    least_B1 = shares_BV.topk(settings.top_k, -1).values[:, -1:]
    return shares_BV.where(shares_BV >= least_B1, 0.0)


def _of_a_share(shares_BV: Tensor, settings: WritingSettings) -> Tensor:
    """The likeliest until their sum has come to the share: the one that crosses it stays."""
    if settings.top_p == 1:
        return shares_BV
    ordered_BV, places_BV = shares_BV.sort(-1, descending=True)
    before_BV = ordered_BV.cumsum(-1) - ordered_BV
    kept_BV = before_BV < settings.top_p * ordered_BV.sum(-1, keepdim=True)
    return shares_BV.where(torch.zeros_like(kept_BV).scatter(-1, places_BV, kept_BV), 0.0)


def _not_far_below(shares_BV: Tensor, settings: WritingSettings) -> Tensor:
    if not settings.min_p:
        return shares_BV
    return shares_BV.where(shares_BV >= settings.min_p * shares_BV.amax(-1, keepdim=True), 0.0)


_FILTERS: tuple[Callable[[Tensor, WritingSettings], Tensor], ...] = (
    _of_the_first,
    _of_a_share,
    _not_far_below,
)
