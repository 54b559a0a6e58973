"""A file rewritten: documents keep their form, tables their rows."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from textwright.core.errors import ConfigError, DataError
from textwright.core.files import writing_atomic
from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewriter, Rewritten
from textwright.tasks.rewriting.settings import UNSURE, DecodeSettings
from textwright.text.columns import find_text_column, profile
from textwright.text.pairs.languages import UNDETERMINED, language_of
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_plain, open_source
from textwright.text.sources.stream import StreamFault
from textwright.text.structure import rebuilt_and_kept, segments, verify

STDOUT = "-"
# What is a document, and what a table of rows; what is written of a table.
DOCUMENTS = frozenset({".txt", ".md", ".markdown", ".rst", ".text", ""})
_ENDINGS = (".jsonl", ".ndjson", ".csv")
# Sentences that are rewritten at once, and characters of one at most before it is cut.
_AT_ONCE, _MAX_CHARS = 1_024, 600
# Texts that their language is told by.
_SEEN = 200


@dataclass
class Written:
    """How many texts were rewritten: sentences of a document, or rows of a table.

    `num_cut` answers did not come to an end; `num_unsure` have a confidence below `UNSURE`, None of a model
    that has learned none. `num_kept` sentences stand as they were, as nothing was made of them, or what would
    have changed the form of the document; `first_kept` is the first of these. `language` is that of the texts
    where it is surely another one than the model has learned to read.
    """

    out: str
    n: int = 0
    num_cut: int = 0
    num_kept: int = 0
    first_kept: str = ""
    language: str = ""
    num_unsure: int | None = None

    def count(self, found: Rewritten) -> None:
        """Take in what was made of a text."""
        self.n += 1
        self.num_cut += not found.is_whole
        if found.confidence is not None:
            self.num_unsure = (self.num_unsure or 0) + (found.confidence < UNSURE)


def rewrite_file(
    model: Rewriter, data: str | Path, out: str, settings: DecodeSettings, *, text: str | None = None
) -> Written:
    """Rewrite a document sentence by sentence, or each row of a table as a whole, to `out`.

    Lines, blanks, marks of Markdown, code and addresses of a document stay as they are. Of a table `out` is
    .jsonl or .csv, with the `output` of each row, in order; of a document that is written so each sentence is
    a row. Nothing is there before all is done. Raises ConfigError for another ending, DataError for data that
    cannot be used.
    """
    path = Path(data)
    is_document = path.suffix.lower() in DOCUMENTS and str(data) != STDOUT and text is None
    done = Written(str(out), num_unsure=None if model.confidence is None else 0)
    if is_document and not out.lower().endswith(_ENDINGS):
        whole = _whole(path)
        made = rewrite_document(model, whole, settings, done)
        with _writing(out) as file:
            file.write(made)
        return done
    _refuse_ending(out)
    with _writing(out) as file:
        write = _rows_to(file, out)
        rows = (
            _sentences(model, _whole(path), settings, done)
            if is_document
            else _rewritten_rows(model, data, text, settings, done)
        )
        for given, found in rows:
            write(given, found)
            done.count(found)
    return done


def _sentences(
    model: Rewriter, whole: str, settings: DecodeSettings, done: Written
) -> Iterator[tuple[str, Rewritten]]:
    """Those of a document, with what is made of each."""
    texts = [span.of(whole) for span in segments(whole, most=_MAX_CHARS)]
    done.language = _stranger(model, texts[:_SEEN])
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        yield from zip(part, rewrite_long(model, part, settings), strict=True)


def _whole(path: Path) -> str:
    """All of a text file, its line breaks as they are. Raises DataError."""
    stream = open_plain(path).stream()
    try:
        whole = "".join(stream.texts())
    except StreamFault as fault:
        raise DataError(str(fault), path=path) from None
    if stream.damaged:
        raise DataError(
            "some bytes of the file are no text in its encoding, and would be lost",
            path=path,
            hint="Save it as UTF-8.",
        )
    return whole


def rewrite_document(model: Rewriter, whole: str, settings: DecodeSettings, done: Written) -> str:
    """The text with its sentences rewritten, and everything else as it was.

    Raises DataError where that cannot be held, which is a bug of ours: nothing is lost in silence.
    """
    spans = segments(whole, most=_MAX_CHARS)
    answers: list[str] = []
    for _, found in _sentences(model, whole, settings, done):
        answers.append(found.text)
        done.count(found)
    made, kept = rebuilt_and_kept(whole, spans, answers)
    if kept and not done.num_kept:
        done.first_kept = spans[kept[0]].of(whole)
    done.num_kept += len(kept)
    fault = verify(whole, made)
    if fault is not None:
        raise DataError(
            f"the document would lose its form: {fault}", hint="This is a bug of ours: please report it."
        )
    return made


def _stranger(model: Rewriter, texts: Sequence[str]) -> str:
    """The language of texts where it is surely another than the one that was learned from, else nothing."""
    expected = (model.schema.get("languages") or [UNDETERMINED])[0]
    found = language_of(texts)
    return found if UNDETERMINED not in (expected, found) and found != expected else ""


def _rewritten_rows(
    model: Rewriter, data: str | Path, text: str | None, settings: DecodeSettings, done: Written
) -> Iterator[tuple[str, Rewritten]]:
    log, source = RowLog(), open_source(data)
    column: str | None = None
    for batch in source.batches(log):
        if column is None:
            preferred = str(model.schema.get("source") or "source")
            column = preferred if text is None and preferred in batch.columns else None
            column = column or find_text_column(
                profile([batch]), path=str(source.path), asked=text, preferred=preferred
            )
        cells = batch.columns[column]
        texts = [" ".join(cell) if isinstance(cell, list) else cell or "" for cell in cells]
        done.language = done.language or _stranger(model, texts[:_SEEN])
        yield from zip(texts, rewrite_long(model, texts, settings), strict=True)


def _rows_to(file: IO[str], out: str) -> Callable[[str, Rewritten], Any]:
    if not out.endswith(".csv"):
        return lambda given, found: file.write(
            json.dumps({"text": given, **_answer(found)}, ensure_ascii=False) + "\n"
        )
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["text", "output", "score", "confidence"])
    numbers = ("score", "confidence")
    return lambda given, found: table.writerow(
        [given, found.text, *(_answer(found)[name] for name in numbers)]
    )


def _answer(found: Rewritten) -> dict[str, Any]:
    sure = None if found.confidence is None else round(found.confidence, 4)
    record: dict[str, Any] = {"output": found.text, "score": round(found.score, 4), "confidence": sure}
    if found.others:
        record["others"] = [*found.others]
    if not found.is_whole:
        record["cut"] = True
    return record


def _refuse_ending(out: str) -> None:
    if out != STDOUT and not out.lower().endswith(_ENDINGS):
        raise ConfigError(
            f"--out {out}: the rows of a table are written to {', '.join(_ENDINGS)}",
            hint="Name one of these; a document (.txt, .md) is written as a document.",
        )


@contextmanager
def _writing(out: str) -> Iterator[IO[str]]:
    if out == STDOUT:
        yield sys.stdout
        return
    with writing_atomic(Path(out)) as file:
        yield file
