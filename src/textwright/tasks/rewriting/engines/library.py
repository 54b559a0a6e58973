"""The model itself, answered by the generator of the Hugging Face library.

Shapes: B texts, S tokens that are read, T tokens that are told, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.learn.batches import in_order
from textwright.tasks.rewriting.engines.base import Told, most_tokens, told_of
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel

# Texts at once, and the tokens that they and their beams take.
_ROWS_AT_ONCE, _TOKENS_AT_ONCE = 64, 16_384


@dataclass(frozen=True)
class LibraryEngine:
    """`model` is of a class from sequence to sequence; `never` are tokens that stand in no text; `room` is
    how many are read at once.
    """

    model: Any
    frame: PairFrame
    pad_id: int
    never: list[int]
    room: int

    @classmethod
    def of(cls, model: LanguageModel) -> Self:
        return cls(model.model, model.frame, model.vocabulary.pad_id, model.never, model.length)

    @torch.no_grad()
    def decode(self, sources: Ragged, settings: DecodeSettings) -> list[list[Told]]:
        out: list[list[Told]] = [[] for _ in range(len(sources))]
        most_at_once = max(_TOKENS_AT_ONCE // max(settings.beams, settings.answers), 1)
        torch.manual_seed(settings.seed)
        for places in in_order(sources.lengths, _ROWS_AT_ONCE, most_at_once):
            ids, mask = self._padded(self.frame.around(sources.take(places)))
            longest = most_tokens(settings, int(sources.lengths[places].max()), self.room)
            found = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                decoder_input_ids=self._known(len(ids)),
                decoder_start_token_id=self.frame.start_id,
                eos_token_id=self.frame.end_id,
                pad_token_id=self.pad_id,
                suppress_tokens=self.never or None,
                max_new_tokens=longest,
                **_ways(settings, longest),
            )
            told, each = found[:, len(self.frame.known) :].tolist(), settings.answers
            for row, place in enumerate(places):
                most = most_tokens(settings, int(sources.lengths[place]), self.room)
                for ids in told[row * each : (row + 1) * each]:
                    out[place].append(told_of(ids, float("nan"), self.frame.end_id, most))
        return self._scored(sources, out, settings)

    def _scored(self, sources: Ragged, found: list[list[Told]], settings: DecodeSettings) -> list[list[Told]]:
        """With the score of each answer, which the library gives only with all logits."""
        flat = [(row, told) for row, answers in enumerate(found) for told in answers]
        targets = Ragged.from_lists([[*told.ids, self.frame.end_id] for _, told in flat])
        of_each = sources.take(np.array([row for row, _ in flat]))
        shares = self._shares(of_each, targets, self.never)
        made: list[list[Told]] = [[] for _ in found]
        for (row, told), share in zip(flat, shares, strict=True):
            known = share if told.is_whole else share[:-1]
            score = float(known.sum() / max(len(known), 1) ** settings.length_penalty)
            made[row].append(replace(told, score=score).sure(share))
        return made

    def score(self, sources: Ragged, targets: Ragged) -> list[NDArray[np.float64]]:
        return self._shares(sources, targets, [])

    @torch.no_grad()
    def _shares(self, sources: Ragged, targets: Ragged, never: list[int]) -> list[NDArray[np.float64]]:
        """The log-probability of each token among all but those that `never` come."""
        out: list[NDArray[np.float64]] = [np.zeros(0)] * len(sources)
        for places in in_order(sources.lengths + targets.lengths, _ROWS_AT_ONCE, _TOKENS_AT_ONCE):
            ids, mask = self._padded(self.frame.around(sources.take(places)))
            told, is_told = self._padded(targets.take(places))
            known = torch.cat([self._known(len(told)), told[:, :-1]], 1)
            logits = self.model(input_ids=ids, attention_mask=mask, decoder_input_ids=known).logits
            logits = logits[:, len(self.frame.forced) :]
            logits[..., never] = -torch.inf
            chosen_BT = logits.float().log_softmax(-1).gather(-1, told.unsqueeze(-1)).squeeze(-1)
            for row, place in enumerate(places):
                out[place] = chosen_BT[row][is_told[row].bool()].double().cpu().numpy()
        return out

    def _known(self, rows: int) -> Tensor:
        """What answers begin from."""
        known = torch.tensor(self.frame.known, device=next(self.model.parameters()).device)
        return known.repeat(rows, 1)

    def _padded(self, rows: Ragged) -> tuple[Tensor, Tensor]:
        ids, mask = rows.padded(self.pad_id)
        device = next(self.model.parameters()).device
        return (
            torch.from_numpy(ids.astype(np.int64)).to(device),
            torch.from_numpy(mask.astype(np.int64)).to(device),
        )


def _ways(settings: DecodeSettings, most: int) -> dict[str, Any]:
    is_drawn = settings.temperature > 0
    beams = 1 if is_drawn else max(settings.beams, settings.answers)
    ways: dict[str, Any] = {
        "num_beams": beams,
        "num_return_sequences": settings.answers,
        "do_sample": is_drawn,
    }
    if beams > 1:
        ways["length_penalty"] = settings.length_penalty
    if is_drawn:
        ways |= {"temperature": settings.temperature, "top_k": 0}
    if settings.no_repeat:
        ways["no_repeat_ngram_size"] = settings.no_repeat
    if settings.min_tokens:
        ways["min_new_tokens"] = min(settings.min_tokens, most)
    return ways
