"""Summaries of files: one of a document, one a row of a table; the output file whole or not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textwright.core.errors import DataError
from textwright.core.files import write_atomic
from textwright.tasks.answering import STDOUT, Answer, Answered, Asked, refuse_ending, write_answers, writing
from textwright.tasks.rewriting.settings import UNSURE
from textwright.tasks.summarizing.extractive import WRITTEN, Summarizer, Summary
from textwright.tasks.summarizing.prose import MARKDOWN, markdown, plain
from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_source
from textwright.text.sources.plain import LineSource
from textwright.text.sources.stream import StreamFault

if TYPE_CHECKING:
    from textwright.tasks.summarizing.abstractive import Abstractive

NOTHING: Answer = {"output": None, "spans": [], "unsupported": []}
# Of a model that writes summaries itself.
_NOT_WRITTEN: Answer = {**NOTHING, "score": None, "confidence": None}
_ROWS = (".csv", ".jsonl", ".ndjson")


@dataclass
class Summarized(Answered):
    """How many texts were summarized; `summary` is that of a document, None of the rows of a table.

    `num_unsure` summaries have a confidence below `UNSURE`; it is None where there is no confidence.
    """

    summary: Summary | None = None
    method: str = ""
    num_unsure: int | None = None
    notes: list[str] = field(default_factory=list)

    def to_json(self, out: str) -> dict[str, Any]:
        found = (
            {"text": None, "spans": None, "unsupported": None}
            if self.summary is None
            else self.summary.to_json()
        )
        record = {"method": self.method, "n": self.n, "out": out, "unreadable": self.num_unreadable}
        record |= {key: found[key] for key in ("text", "spans", "unsupported")}
        if self.method == WRITTEN:
            record |= {
                "confidence": self.summary and _short(self.summary.confidence),
                "unsure": self.num_unsure,
            }
        return record

    def count(self, summaries: Sequence[Summary]) -> None:
        """Take in how sure a model is of what it wrote."""
        known = [summary.confidence for summary in summaries if summary.confidence is not None]
        if known:
            self.num_unsure = (self.num_unsure or 0) + sum(sure < UNSURE for sure in known)


def summarize_file(
    summarizer: Summarizer | Abstractive,
    data: str | Path,
    out: str | None = None,
    *,
    text: str | None = None,
    keep: Sequence[str] = (),
) -> Summarized:
    """Summarize a document as one text, or each row of a table, of JSON lines or of mails on its own.

    Plain text is one document, and so is standard input unless `text` names a column. The summary of one is
    written to `out` as text, or as a row where its name ends in .csv or .jsonl; without `out` it only comes
    back. Rows are written as `predict` writes answers ("-" where nothing is named), with the summary as
    `output` and its places in the text as `spans`; `keep` names columns that stand before them. Raises
    ConfigError for an ending, DataError for data that cannot be used.
    """
    source = open_source(data, is_raw=text is None)
    if isinstance(source, LineSource) and source.columns == ["text"]:
        return _document(summarizer, source, out)
    out = out or STDOUT
    refuse_ending(out)
    done = Summarized(method=summarizer.method, notes=[*summarizer.notes])
    nothing = _NOT_WRITTEN if summarizer.method == WRITTEN else NOTHING
    asked = Asked(lambda texts: _answers(summarizer, texts, done), nothing, tuple(keep))
    write_answers(source, out, asked, done, text=text)
    return done


def _answers(summarizer: Summarizer | Abstractive, texts: list[str], done: Summarized) -> list[Answer]:
    found = summarizer.summarize_all(texts)
    done.count(found)
    return [_row(summary) for summary in found]


def _row(summary: Summary) -> Answer:
    told = summary.to_json()
    row = {"output": told["text"], "spans": told["spans"], "unsupported": told["unsupported"]}
    if summary.method != WRITTEN:
        return row
    return {**row, "score": _short(summary.score), "confidence": _short(summary.confidence)}


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _document(summarizer: Summarizer | Abstractive, source: LineSource, out: str | None) -> Summarized:
    is_row = out is not None and Path(out).suffix.lower() in _ROWS
    if out is not None and out != STDOUT and not is_row and Path(out).is_dir():
        refuse_ending(out)
    text = read_document(source)
    is_markdown = source.path.suffix.lower() in MARKDOWN
    summary = summarizer.summarize(text, markdown(text) if is_markdown else plain(text))
    done = Summarized(n=1, summary=summary, method=summarizer.method, notes=[*summarizer.notes])
    done.count([summary])
    if is_row and out is not None:
        with writing(out, []) as write:
            write([_row(summary)])
    elif out not in (None, STDOUT):
        write_atomic(Path(str(out)), summary.text.rstrip() + "\n")
    return done


def read_document(source: Source) -> str:
    """All of a plain file, line ends as they are, U+FFFD for what cannot be read. Raises DataError."""
    assert isinstance(source, LineSource)
    stream, log = source.text.stream(), RowLog()
    lines: list[str] = []
    try:
        for row, line in enumerate(stream.lines(source.text.newline), start=1):
            lines.append(stream.mended(line, row, log) if stream.damaged else line)
    except StreamFault as fault:
        raise fault.at(source.path, len(lines) + 1) from None
    if not any(line.strip() for line in lines):
        raise DataError("the file is empty", path=source.path, hint="Check the export.")
    return "".join(lines)
