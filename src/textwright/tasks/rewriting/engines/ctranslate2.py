"""A model that was exported to CTranslate2, which runs it several times as fast on a processor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import MissingExtra
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.rewriting.engines.base import Told, most_tokens, told_of
from textwright.tasks.rewriting.settings import DecodeSettings

_TOKENS_AT_ONCE = 4_096
# Of these each processor takes some at a time: two that share a batch of a small model wait for each other
# more than they compute, and were two to five times slower (docs/log.md).
_ROWS_AT_ONCE = 8


@dataclass(frozen=True)
class CTranslate2Engine:
    """`pieces` are the names of the tokens by their ids, as the exported vocabulary has them."""

    translator: Any
    pieces: Sequence[str]
    ids: dict[str, int]
    frame: PairFrame
    never: Sequence[int]
    room: int

    @classmethod
    def open(cls, folder: Path, frame: PairFrame, never: Sequence[int], room: int) -> CTranslate2Engine:
        """The engine of a folder that `export --to ctranslate2` wrote. Raises MissingExtra."""
        pieces = vocabulary_in(folder)
        threads = usable_cpus()
        translator = library().Translator(str(folder), device="cpu", inter_threads=threads, intra_threads=1)
        return cls(translator, pieces, {piece: i for i, piece in enumerate(pieces)}, frame, never, room)

    def decode(self, sources: Ragged, settings: DecodeSettings) -> list[list[Told]]:
        out: list[list[Told]] = [[] for _ in range(len(sources))]
        order, forced = np.argsort(sources.lengths, kind="stable"), self._named(self.frame.forced)
        for part in _parts(order, sources.lengths, settings.beams):
            most = most_tokens(settings, int(sources.lengths[part].max()), self.room)
            found = self.translator.translate_batch(
                [self._named(row) for row in self.frame.around(sources.take(part))],
                target_prefix=[forced] * len(part) if forced else None,
                beam_size=1 if settings.temperature > 0 else max(settings.beams, settings.answers),
                num_hypotheses=settings.answers,
                length_penalty=settings.length_penalty,
                no_repeat_ngram_size=settings.no_repeat,
                min_decoding_length=min(settings.min_tokens, most) + len(forced),
                max_decoding_length=most + len(forced),
                max_input_length=0,
                return_scores=True,
                return_end_token=True,
                sampling_topk=0 if settings.temperature > 0 else 1,
                sampling_temperature=settings.temperature or 1.0,
                max_batch_size=_ROWS_AT_ONCE,
                suppress_sequences=[[self.pieces[i]] for i in self.never] or None,
            )
            for place, answers in zip(part, found, strict=True):
                scores = answers.scores or [float("nan")] * len(answers.hypotheses)
                most = most_tokens(settings, int(sources.lengths[place]), self.room)
                out[int(place)] = [
                    told_of(self._ids(tokens[len(forced) :]), float(score), self.frame.end_id, most)
                    for tokens, score in zip(answers.hypotheses, scores, strict=True)
                ]
        return out

    def score(self, sources: Ragged, targets: Ragged) -> list[NDArray[np.float64]]:
        forced = self._named(self.frame.forced)
        found = self.translator.score_batch(
            [self._named(row) for row in self.frame.around(sources)],
            [[*forced, *self._named(row[:-1])] for row in targets],  # it adds the end itself
            max_batch_size=_ROWS_AT_ONCE,
            max_input_length=0,
        )
        return [np.asarray(row.log_probs[len(forced) :], np.float64) for row in found]

    def _named(self, ids: Iterable[int]) -> list[str]:
        return [self.pieces[int(i)] for i in ids]

    def _ids(self, tokens: Sequence[str]) -> list[int]:
        return [self.ids[token] for token in tokens]


def vocabulary_in(folder: Path) -> list[str]:
    """The names of the tokens of an exported folder by their ids."""
    return list(json.loads((folder / "shared_vocabulary.json").read_text(encoding="utf-8")))


def _parts(order: NDArray[Any], lengths: NDArray[Any], beams: int) -> list[NDArray[Any]]:
    """Texts of like length, as many as memory is to hold at once."""
    parts, start = [], 0
    while start < len(order):
        size = max(_TOKENS_AT_ONCE // max(int(lengths[order[start]]), 1), 1)
        end = min(start + size, len(order))
        while end - start > 1 and (end - start) * int(lengths[order[end - 1]]) > _TOKENS_AT_ONCE:
            end -= max((end - start) // 8, 1)
        parts.append(order[start:end])
        start = end
    return parts


def library() -> Any:
    """The module of CTranslate2. Raises MissingExtra."""
    try:
        import ctranslate2  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtra("running a model of CTranslate2", extra="export") from None
    return ctranslate2
