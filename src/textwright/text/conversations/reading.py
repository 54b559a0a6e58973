"""Conversations of files: rows of a prompt and its response, or JSON lists of messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.text.clean import clean_texts
from textwright.text.columns import Column
from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_source
from textwright.text.sources.base import Batch, Cell

PROMPT_NAMES = ("prompt", "instruction", "question", "提示", "指令", "问题")
RESPONSE_NAMES = ("response", "completion", "answer", "output", "回答", "答案", "回复", "输出")
MESSAGES_NAMES = ("messages",)
NO_PROMPT, NO_RESPONSE = "no prompt", "no response"
NOT_TURNS = "not turns of a user and an assistant, one after the other"


@dataclass(frozen=True)
class Asked:
    """The columns that a person named; None is found by its name."""

    prompt: str | None = None
    response: str | None = None


@dataclass(frozen=True)
class Conversation:
    """Prompts with their responses, clean and none empty; `row` is where it stands in its file."""

    turns: tuple[tuple[str, str], ...]
    row: int


def read_conversations(paths: Sequence[Path], asked: Asked, log: RowLog) -> list[Conversation]:
    """All conversations of the files; rows without a prompt or a response are dropped into `log`.

    Raises DataError where a file has no columns for them, or no row has both.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rows.csv"
    >>> _ = file.write_text("prompt,response\\n草是什么颜色？,绿色\\n", encoding="utf-8")
    >>> read_conversations([file], Asked(), RowLog())
    [Conversation(turns=(('草是什么颜色？', '绿色'),), row=2)]
    """
    found = [conversation for path in paths for conversation in _of_file(path, asked, log)]
    if not found:
        dropped = ", ".join(f"{n:,} dropped: {reason}" for (_, reason), n in log.counts.items())
        raise DataError(
            f"no row has both a prompt and a response ({dropped or 'no rows at all'})",
            path=paths[0],
            hint="Name the columns with --set data.prompt=COL --set data.response=COL, or fill their cells.",
        )
    return found


def _of_file(path: Path, asked: Asked, log: RowLog) -> Iterator[Conversation]:
    source = open_source(path)
    prompt, response = _columns(source, asked)
    for batch in source.batches(log):
        if response is None:
            yield from _messages(batch, prompt, log)
        else:
            yield from _pairs(batch, prompt, response, log)


def _columns(source: Source, asked: Asked) -> tuple[str, str | None]:
    """Of the prompt and of the response; or of the messages, and None."""
    found = ", ".join(map(repr, source.columns))
    for name in filter(None, (asked.prompt, asked.response)):
        if name not in source.columns:
            hint = did_you_mean(name, source.columns)
            raise DataError(f"there is no column {name!r}; found {found}", path=source.path, hint=hint)
    messages = None if asked.prompt or asked.response else _called(source, MESSAGES_NAMES)
    prompt, response = (
        asked.prompt or _called(source, PROMPT_NAMES),
        asked.response or _called(source, RESPONSE_NAMES),
    )
    if messages is not None and (prompt is None or response is None):
        return messages, None
    if prompt is None or response is None:
        kind = "prompt" if prompt is None else "response"
        hint = f"Name it with --set data.{kind}=COL."
        what = f"no column is called as a {kind} is; found {found}"
        raise DataError(what, path=source.path, hint=hint)
    if prompt == response:
        hint = "Name two columns: --set data.prompt=COL --set data.response=COL."
        raise DataError("the prompt and the response cannot be the same column", path=source.path, hint=hint)
    return prompt, response


def _called(source: Source, names: Sequence[str]) -> str | None:
    return next((c for name in names for c in source.columns if Column(c).is_called(name)), None)


def _pairs(batch: Batch, prompt: str, response: str, log: RowLog) -> Iterator[Conversation]:
    prompts, responses = (
        clean_texts([_as_text(cell) for cell in batch.columns[name]], batch.rows, log)
        for name in (prompt, response)
    )
    for row, asked, answered in zip(batch.rows, prompts, responses, strict=True):
        if not asked:
            log.dropped(NO_PROMPT, row, answered)
        elif not answered:
            log.dropped(NO_RESPONSE, row, asked)
        else:
            yield Conversation(((asked, answered),), row)


def _messages(batch: Batch, column: str, log: RowLog) -> Iterator[Conversation]:
    for row, cell in zip(batch.rows, batch.columns[column], strict=True):
        texts = _in_turn(cell)
        clean = clean_texts(texts, [row] * len(texts), log)
        if not clean or not all(clean):
            log.dropped(NOT_TURNS, row, _as_text(cell))
        else:
            yield Conversation((*zip(clean[::2], clean[1::2], strict=True),), row)


def _in_turn(cell: Cell) -> list[str]:
    """The texts of messages, when user and assistant take turns; none otherwise."""
    try:
        messages = json.loads(cell) if isinstance(cell, str) else []
        found = [(message["role"], message["content"]) for message in messages]
    except (ValueError, KeyError, TypeError):
        return []
    whole = found[: len(found) - len(found) % 2]  # a last question that nobody answered is left
    if [role for role, _ in whole] != ["user", "assistant"] * (len(whole) // 2):
        return []
    texts = [text for _, text in whole]
    return texts if all(isinstance(text, str) for text in texts) else []


def _as_text(cell: Cell) -> str:
    return " ".join(cell) if isinstance(cell, list) else cell or ""
