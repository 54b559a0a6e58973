"""Conversations to tokens on disk: copies left out, a part held out to judge on, a tokenizer learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textwright.core.errors import DataError
from textwright.core.ragged import IntArray, Ragged
from textwright.text.clean import fold
from textwright.text.conversations.reading import NO_RESPONSE, Conversation
from textwright.text.documents.repeats import COPY
from textwright.text.documents.shards import Shards, ShardWriter
from textwright.text.documents.tokens import TokenCorpus
from textwright.text.duplicates import find_twins
from textwright.text.rowlog import RowLog
from textwright.text.split import Split, split_rows
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.turns import Fitted, Turn, TurnFrame

# What is held out of the rows: a share, and no more than it takes to judge well.
_SHARE, _ENOUGH_ROWS = 0.05, 5_000
# With fewer there is nothing to learn from, and to judge on.
LEAST_ROWS = 10
_ROWS_PER_CALL = 1_024
TOO_LONG = "the response alone is longer than the window"
TURNS_LEFT_OUT = "first turns left out: all are longer than the window"
CUT = "beginning of the prompt cut: it is longer than the window"


@dataclass(frozen=True)
class Making:
    """How conversations become tokens: `tokenizer` is given, or what one is learned by.

    `finished` adds special tokens to one that is learned, `frame` makes the frame of it. A conversation has
    `most` tokens at most.
    """

    tokenizer: Tokenizer | TokenizerSettings
    finished: Callable[[Tokenizer], Tokenizer]
    frame: Callable[[Tokenizer], TurnFrame]
    most: int
    seed: int = 0


def build_turns(found: Sequence[Conversation], folder: Path, making: Making, log: RowLog) -> TokenCorpus:
    """Write the tokens of conversations to `folder/train` and `folder/validation`.

    A conversation stays whole in one part, and so do all whose prompts are twins. `about` of both parts has
    `documents` (conversations), the `bytes` of their texts, and how many tokens are `told`. Raises DataError
    for too few of them.
    """
    rows = _without_copies(found, log)
    _refuse_few(rows)
    split = _split(rows, making.seed)
    tokenizer = _tokenizer([rows[i] for i in split.train], making)
    train, held_out = (
        Part(tokenizer, making, log).written(folder / name, [rows[i] for i in numbers])
        for name, numbers in (("train", split.train), ("validation", split.validation))
    )
    return TokenCorpus(train, held_out, tokenizer, log)


def _without_copies(found: Sequence[Conversation], log: RowLog) -> list[Conversation]:
    seen: set[tuple[str, ...]] = set()
    kept = []
    for conversation in found:
        name = tuple(fold(text) for turn in conversation.turns for text in turn)
        if name in seen:
            log.dropped(COPY, conversation.row, conversation.turns[0][0])
        else:
            seen.add(name)
            kept.append(conversation)
    return kept


def _refuse_few(rows: Sequence[Conversation]) -> None:
    if len(rows) < LEAST_ROWS:
        raise DataError(
            f"{len(rows):,} conversations are too few to learn from and to judge on",
            hint=f"Give at least {LEAST_ROWS}, no two of them the same.",
        )


def _split(rows: Sequence[Conversation], seed: int) -> Split:
    """By groups of twins: by their exact twins alone where all prompts are alike."""
    prompts = ["\n".join(prompt for prompt, _ in row.turns) for row in rows]
    groups = find_twins(prompts).group
    if len(np.unique(groups)) == 1:
        groups = np.unique([fold(prompt) for prompt in prompts], return_inverse=True)[1]
    if len(np.unique(groups)) == 1:
        raise DataError(
            "all prompts are the same, so none can be held out to judge on", hint="Give other prompts too."
        )
    return split_rows(None, groups, validation=min(_SHARE, _ENOUGH_ROWS / len(rows)), test=0.0, seed=seed)


def _tokenizer(rows: Sequence[Conversation], making: Making) -> Tokenizer:
    if isinstance(making.tokenizer, Tokenizer):
        return making.tokenizer
    texts = (text for row in rows for turn in row.turns for text in turn)
    return making.finished(train_tokenizer(texts, making.tokenizer))


@dataclass
class Part:
    """The tokens of one part as they are written."""

    tokenizer: Tokenizer
    making: Making
    log: RowLog
    num_bytes: int = 0
    num_rows: int = 0
    num_told: int = 0

    def __post_init__(self) -> None:
        self.frame = self.making.frame(self.tokenizer)

    def written(self, folder: Path, rows: Sequence[Conversation]) -> Shards:
        """All that fit. Raises DataError where none does."""
        writer = ShardWriter(folder, self.tokenizer.size)
        for ids in self.fitting(rows):
            writer.add(ids)
        if not self.num_rows:
            raise nothing_fits(len(rows), self.making.most - 1)
        about = {"tokenizer": self.tokenizer.fingerprint, "seed": self.making.seed, "stretches": 0}
        counted = {"bytes": self.num_bytes, "documents": self.num_rows, "told": self.num_told}
        return writer.close({**about, **counted})

    def fitting(self, rows: Sequence[Conversation]) -> Iterator[IntArray]:
        """The tokens of each conversation that fits; the others are dropped into `log`."""
        for start in range(0, len(rows), _ROWS_PER_CALL):
            part = rows[start : start + _ROWS_PER_CALL]
            for row, turns in zip(part, encoded(self.tokenizer, part), strict=True):
                if not all(len(response) for _, response in turns):  # of unknown words that are left out
                    self.log.dropped(NO_RESPONSE, row.row, row.turns[-1][1])
                    continue
                fitted = self.frame.fitted(turns, self.making.most)
                if fitted is None:
                    self.log.dropped(TOO_LONG, row.row, row.turns[-1][1])
                    continue
                self._count(row, turns, fitted)
                yield fitted.ids

    def _count(self, row: Conversation, turns: Sequence[Turn], fitted: Fitted) -> None:
        first = fitted.num_turns_left_out
        if first:
            self.log.changed(TURNS_LEFT_OUT, row.row, row.turns[0][0])
        if fitted.num_tokens_cut:
            self.log.changed(CUT, row.row, row.turns[first][0])
        self.num_rows += 1
        self.num_bytes += sum(len(text.encode("utf-8")) for turn in row.turns[first:] for text in turn)
        self.num_told += sum(len(response) + 1 for _, response in turns[first:])


def encoded(tokenizer: Tokenizer, rows: Sequence[Conversation]) -> Iterator[list[Turn]]:
    """The tokens of the texts of each conversation."""
    ids: Ragged = tokenizer.whole([text for row in rows for turn in row.turns for text in turn])
    place = 0
    for row in rows:
        yield [(ids[place + 2 * k], ids[place + 2 * k + 1]) for k in range(len(row.turns))]
        place += 2 * len(row.turns)


def nothing_fits(count: int, length: int) -> DataError:
    """What is said where every response is too long."""
    return DataError(
        f"no response of {count:,} fits into the window of {length:,} tokens",
        hint="Take a longer one where the model allows it (--set model.positions=N), or cut them.",
    )
