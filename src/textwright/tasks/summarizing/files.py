"""Summaries of files: one of a document, one a row of a table; the output file whole or not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textwright.core.errors import DataError
from textwright.core.files import write_atomic
from textwright.tasks.answering import STDOUT, Answer, Answered, Asked, refuse_ending, write_answers, writing
from textwright.tasks.summarizing.extractive import Summarizer, Summary
from textwright.tasks.summarizing.prose import MARKDOWN, markdown, plain
from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_source
from textwright.text.sources.plain import LineSource
from textwright.text.sources.stream import StreamFault

if TYPE_CHECKING:
    from textwright.tasks.summarizing.abstractive import Abstractive

NOTHING: Answer = {"output": None, "spans": [], "unsupported": []}
_ROWS = (".csv", ".jsonl", ".ndjson")


@dataclass
class Summarized(Answered):
    """How many texts were summarized; `summary` is that of a document, None of the rows of a table."""

    summary: Summary | None = None
    method: str = ""
    notes: list[str] = field(default_factory=list)

    def to_json(self, out: str) -> dict[str, Any]:
        found = (
            {"text": None, "spans": None, "unsupported": None}
            if self.summary is None
            else self.summary.to_json()
        )
        return {"method": self.method, "n": self.n, "out": out, "unreadable": self.num_unreadable} | {
            key: found[key] for key in ("text", "spans", "unsupported")
        }


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
    done = Summarized(method=summarizer.method)
    asked = Asked(lambda texts: _answers(summarizer, texts), NOTHING, tuple(keep))
    write_answers(source, out, asked, done, text=text)
    return done


def _answers(summarizer: Summarizer | Abstractive, texts: list[str]) -> list[Answer]:
    found = [summary.to_json() for summary in summarizer.summarize_all(texts)]
    return [_row(summary) for summary in found]


def _row(summary: dict[str, Any]) -> Answer:
    return {"output": summary["text"], "spans": summary["spans"], "unsupported": summary["unsupported"]}


def _document(summarizer: Summarizer | Abstractive, source: LineSource, out: str | None) -> Summarized:
    is_row = out is not None and Path(out).suffix.lower() in _ROWS
    if out is not None and out != STDOUT and not is_row and Path(out).is_dir():
        refuse_ending(out)
    text = read_document(source)
    is_markdown = source.path.suffix.lower() in MARKDOWN
    summary = summarizer.summarize(text, markdown(text) if is_markdown else plain(text))
    done = Summarized(n=1, summary=summary, method=summarizer.method)
    if is_row and out is not None:
        found = summary.to_json()
        with writing(out, []) as write:
            write([_row(found)])
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
