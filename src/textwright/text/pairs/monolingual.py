"""Sentences in the language of the targets, of which pairs are made by back-translation.

A row that is no longer than most targets is taken as it stands; a longer one, or one of several lines, is a
document, and each of its sentences is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textwright.core.errors import DataError
from textwright.text.clean import clean_texts, fold
from textwright.text.columns import Column, find_text_column, profile
from textwright.text.duplicates import find_twins
from textwright.text.pairs.alike import THRESHOLD
from textwright.text.pairs.languages import UNDETERMINED, language_of
from textwright.text.pairs.reading import TRANSLATION, Pair
from textwright.text.pairs.scripts import Side
from textwright.text.pairs.tags import language_named
from textwright.text.rowlog import RowLog
from textwright.text.script import SCRIPTS
from textwright.text.sentences import sentences
from textwright.text.sources import Source, open_source
from textwright.text.sources.base import Batch

HELD_OUT = "a text to translate back is a held-out target, or nearly one"
KNOWN = "a text to translate back is a target of the pairs already"
AGAIN = "a text to translate back comes again"
# Texts of a file that its language is told by, and the share of the targets that are no document.
_SEEN, _USUAL = 2_000, 0.99


@dataclass(frozen=True)
class Sentence:
    """A text in the language of the targets; `row` is where it stands, in the file of number `file`."""

    text: str
    row: int
    file: int = 0


def read_sentences(
    paths: Sequence[Path], log: RowLog, pairs: Sequence[Pair], column: str | None = None
) -> list[Sentence]:
    """The sentences of files of any format, as they stand; `column` is where tables have the targets.

    Raises DataError where a file has no text, or is in another language or script than the targets of
    `pairs`.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "zh.txt"
    >>> _ = file.write_text("草是绿色的。\\n你好吗？我很好。\\n", encoding="utf-8")
    >>> known = [Pair("The grass is green today.", "今天的草是绿色的。", 1)]
    >>> [one.text for one in read_sentences([file], RowLog(), known)]
    ['草是绿色的。', '你好吗？我很好。']
    """
    targets = [pair.target for pair in pairs]
    usual = int(np.quantile([len(text) for text in targets], _USUAL)) if targets else 0
    found: list[Sentence] = []
    for number, path in enumerate(paths):
        source = open_source(path, is_raw=True)
        own = [
            Sentence(text, row, number)
            for row, whole in _texts(source, log, targets, column)
            for text in _parts(whole, usual)
        ]
        if not own:
            hint = "Give texts in the language of the targets, one a line or a row."
            raise DataError("there is no text to translate back", path=path, hint=hint)
        _refuse_others([one.text for one in own], targets, path)
        found += own
    return found


def fresh_sentences(
    found: Sequence[Sentence], train: Sequence[Pair], held_out: Sequence[Pair], log: RowLog
) -> list[Sentence]:
    """Those that say something new; the others are dropped into `log`: what is a held-out target to the
    letter or nearly, a target of the pairs already, or comes again.

    >>> pairs = [Pair("Hello.", "你好。", 1)], [Pair("Bye.", "再见。", 2)]
    >>> texts = [Sentence(text, row) for row, text in enumerate(["再见", "你好", "谢谢。", "谢谢"])]
    >>> [one.text for one in fresh_sentences(texts, *pairs, RowLog())]
    ['谢谢。']
    """
    leaks = _near([one.text for one in found], [pair.target for pair in held_out])
    known, seen = {fold(pair.target) for pair in train}, set[str]()
    left: list[Sentence] = []
    for one, is_leak in zip(found, leaks, strict=True):
        plain = fold(one.text)
        reason = HELD_OUT if is_leak else KNOWN if plain in known else AGAIN if plain in seen else ""
        if reason:
            log.dropped(reason, one.row, one.text)
        else:
            seen.add(plain)
            left.append(one)
    return left


def _near(texts: Sequence[str], held_out: Sequence[str]) -> list[bool]:
    """Whether each is a twin of what is held out, directly or by way of others."""
    group = find_twins([*held_out, *texts], threshold=THRESHOLD).group
    return [bool(place < len(held_out)) for place in group[len(held_out) :].tolist()]


def _texts(
    source: Source, log: RowLog, targets: Sequence[str], column: str | None
) -> Iterator[tuple[int, str]]:
    """The rows that have text, clean but for their line breaks."""
    name: str | None = None
    for batch in source.batches(log):
        name = name or _column(source, batch, targets, column)
        cells = ["\n".join(cell) if isinstance(cell, list) else cell or "" for cell in batch.columns[name]]
        for row, text in zip(batch.rows, cells, strict=True):
            lines = [line for line in text.splitlines() if line.strip()]
            clean = [line for line in clean_texts(lines, [row] * len(lines), log) if line]
            if clean:
                yield row, "\n".join(clean)


def _column(source: Source, batch: Batch, targets: Sequence[str], asked: str | None) -> str:
    """Where the texts are: a file may hold the sources beside them."""
    names = source.columns
    if asked in names:
        return str(asked)
    language = language_of(targets[:_SEEN])
    named = [name for name in names if language_named(name) == language]
    called = [name for name in names if any(Column(name).is_called(side) for side in TRANSLATION.target)]
    preferred = next(iter([*named, *called]), "")
    return find_text_column(profile([batch]), path=str(source.path), preferred=preferred)


def _parts(text: str, usual: int) -> list[str]:
    """The text itself, or the sentences of a document."""
    if len(text) <= usual and "\n" not in text:
        return [text]
    return [span.of(text) for span in sentences(text)]


def _refuse_others(texts: Sequence[str], targets: Sequence[str], path: Path) -> None:
    """Raises DataError for another language than that of the targets, or another script where the language
    of one cannot be told.
    """
    seen = texts[:: max(len(texts) // _SEEN, 1)]
    wanted = language_of(targets[:: max(len(targets) // _SEEN, 1)])
    found = language_of(seen)
    hint = "Give texts in the language of the targets: what is learned is to write that language."
    if UNDETERMINED not in (wanted, found) and wanted != found:
        message = f"the texts to translate back are in another language ({found}) than the targets ({wanted})"
        raise DataError(message, path=path, hint=hint)
    scripts = [Side.of(side).script for side in (seen, targets)]
    if None not in scripts and scripts[0] != scripts[1]:
        own, theirs = (SCRIPTS[number] for number in scripts if number is not None)
        message = f"the texts to translate back are in another script ({own}) than the targets ({theirs})"
        raise DataError(message, path=path, hint=hint)
