"""A file rewritten: documents keep their form, tables their rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from textwright.core.files import writing_atomic
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.text.columns import find_text_column, profile
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_source

STDOUT = "-"


@dataclass(frozen=True)
class Written:
    """How many texts were rewritten: sentences of a document, or rows of a table."""

    n: int
    out: str


def rewrite_file(
    model: Rewriter, data: str | Path, out: str, settings: DecodeSettings, *, text: str | None = None
) -> Written:
    """Each row of a table as a JSON line with its `output`. Raises ConfigError, DataError."""
    log, source, n = RowLog(), open_source(data), 0
    column: str | None = None
    with _writing(out) as file:
        for batch in source.batches(log):
            if column is None:
                preferred = model.schema.get("source") or "source"
                column = find_text_column(
                    profile([batch]), path=str(source.path), asked=text, preferred=preferred
                )
            texts = [str(cell or "") for cell in batch.columns[column]]
            for given, found in zip(texts, model.rewrite(texts, settings), strict=True):
                file.write(json.dumps({"text": given, "output": found.text}, ensure_ascii=False) + "\n")
                n += 1
    return Written(n, out)


@contextmanager
def _writing(out: str) -> Iterator[IO[str]]:
    if out == STDOUT:
        yield sys.stdout
        return
    with writing_atomic(Path(out)) as file:
        yield file
