"""Gaps of any length, told one after the other by a model from sequence to sequence.

Shapes: B answers, T tokens that are told, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from textwright.tasks.writing.model import LanguageModel

# Beams at least: what is likeliest token by token is often not as a whole.
_LEAST_BEAMS = 4


def told_spans(model: LanguageModel, ids: list[int], most: int) -> list[list[tuple[str, float]]]:
    """For each mask of a text at most `most` fillings with their probabilities, likeliest first.

    They are those of the likeliest answers as a whole, found by beam search; a probability is what the
    answers that were found add up to, so the true one is no smaller.
    """
    words = model.vocabulary
    shares: list[dict[str, float]] = [{} for token in ids if token == words.mask_id]
    for told, score in answers(model, ids, max(most, _LEAST_BEAMS)):
        spans = [*_spans(told, words.mask_id, words.end_id)]
        for gap, tokens in zip(shares, spans, strict=False):
            text = model.tokenizer.decode(tokens)
            gap[text] = gap.get(text, 0.0) + score
    return [[(text, round(share, 6)) for text, share in _likeliest(gap, most)] for gap in shares]


def answers(model: LanguageModel, ids: list[int], beams: int = _LEAST_BEAMS) -> list[tuple[list[int], float]]:
    """What a model tells of a text with masks, the likeliest first, with the probability of each whole.

    An answer is for each gap the mask and the tokens that fill it, then the end.
    """
    words = model.vocabulary
    num_gaps = sum(token == words.mask_id for token in ids)
    row = torch.tensor([ids], device=model.device)
    found = model.model.generate(
        input_ids=row,
        attention_mask=torch.ones_like(row),
        decoder_start_token_id=words.end_id,
        eos_token_id=words.end_id,
        pad_token_id=words.pad_id,
        num_beams=beams,
        num_return_sequences=beams,
        length_penalty=0.0,  # the sum of log probabilities, however long
        do_sample=False,
        max_new_tokens=model.length - 1,
        logits_processor=LogitsProcessorList([_Answers.of(model, num_gaps)]),
        return_dict_in_generate=True,
        output_scores=True,
    )
    told = [_to_the_end(row[1:], words.end_id) for row in found.sequences.tolist()]
    return [*zip(told, found.sequences_scores.exp().tolist(), strict=True)]


def _to_the_end(told: list[int], end_id: int) -> list[int]:
    """Without what pads a row behind its end."""
    return told[: told.index(end_id) + 1] if end_id in told else told


@dataclass(frozen=True)
class _Answers(LogitsProcessor):
    """Only answers that have the form of what was learned: for each gap the mask, and a token or more."""

    num_gaps: int
    mask_id: int
    end_id: int
    never: list[int]

    @classmethod
    def of(cls, model: LanguageModel, num_gaps: int) -> _Answers:
        """`never` are special tokens that stand in no text, and rows of the table that no token has."""
        words, unknown = model.vocabulary, model.tokenizer.unknown_id
        special = {words.pad_id, words.start_id, words.pad_id if unknown is None else unknown}
        beyond = range(model.tokenizer.size, int(model.model.config.vocab_size))
        assert words.mask_id is not None
        return cls(num_gaps, words.mask_id, words.end_id, [*sorted(special - {words.end_id}), *beyond])

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores (B, V) of the next token behind what is told so far (B, T)."""
        told_B = (input_ids == self.mask_id).sum(1)
        is_begun_B = input_ids[:, -1] == self.mask_id
        scores = scores.clone()
        scores[:, self.never] = -torch.inf
        scores[(told_B >= self.num_gaps) | is_begun_B, self.mask_id] = -torch.inf
        scores[(told_B < self.num_gaps) | is_begun_B, self.end_id] = -torch.inf
        if input_ids.shape[1] == 1:
            scores[:, : self.mask_id] = -torch.inf
            scores[:, self.mask_id + 1 :] = -torch.inf
        return scores


def _spans(told: list[int], mask_id: int | None, end_id: int) -> Iterator[list[int]]:
    """The tokens behind each mask, up to the end."""
    held: list[int] | None = None
    for token in told:
        if token == end_id:
            break
        if token == mask_id:
            if held is not None:
                yield held
            held = []
        elif held is not None:
            held.append(token)
    if held is not None:
        yield held


def _likeliest(gap: dict[str, float], most: int) -> list[tuple[str, float]]:
    return sorted(gap.items(), key=lambda entry: -entry[1])[:most] or [("", 0.0)]
