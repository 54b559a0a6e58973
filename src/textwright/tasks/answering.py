"""Answer every row of a file: same order, same count, streaming, the output file whole or not there."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from textwright.core.errors import ConfigError
from textwright.core.files import explained
from textwright.tasks.predictor import Predictor
from textwright.text.columns import find_text_column, profile
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_source
from textwright.text.sources.base import Batch, Cell

STDOUT = "-"
Answer = dict[str, Any]


@dataclass
class Answered:
    """How many rows were answered, and how many could not be read."""

    n: int = 0
    num_unreadable: int = 0


def answer_file(
    predictor: Predictor, data: str | Path, out: str, *, text: str | None = None, probabilities: bool = False
) -> Answered:
    """Write one answer a row of `data` to `out` (.csv or .jsonl, "-" is JSON lines on standard output)."""
    done = Answered()
    with _writer(out, predictor.schema.labels if probabilities else []) as write:
        for answers in _answers(predictor, data, text, probabilities, done):
            write(answers)
    return done


def _answers(predictor: Predictor, data: str | Path, text: str | None, probabilities: bool, done: Answered) -> Iterator[list[Answer]]:
    log = RowLog()
    source = open_source(data)
    column: str | None = text
    for batch in source.batches(log):
        if column is None or done.n == 0:
            column = _text_column(batch, str(source.path), text, predictor.schema.text)
        answers = _of_batch(predictor, batch.columns[column], probabilities)
        merged = _with_unreadable(list(zip(batch.rows, answers, strict=True)), log, done)
        done.n += len(merged)
        yield merged
    rest = _with_unreadable([], log, done)
    done.n += len(rest)
    yield rest


def _text_column(batch: Batch, path: str, asked: str | None, preferred: str) -> str:
    return find_text_column(profile([batch]), path=path, preferred=asked or preferred)


def _of_batch(predictor: Predictor, cells: list[Cell], probabilities: bool) -> list[Answer]:
    texts = [" ".join(cell) if isinstance(cell, list) else cell or "" for cell in cells]
    answers = predictor.predict(texts, probabilities=probabilities)
    return [{"text": text, **answer} for text, answer in zip(texts, answers, strict=True)]


def _with_unreadable(answered: list[tuple[int, Answer]], log: RowLog, done: Answered) -> list[Answer]:
    """Put an answer without a label where a row of the file could not be read, so that the count stays the same."""
    lost = [r for r in log.drain() if r["action"] == "dropped" and r["reason"] != "empty row"]
    done.num_unreadable += len(lost)
    unreadable = [(r["row"], {"text": r["found"], "label": None, "error": r["reason"]}) for r in lost]
    return [answer for _, answer in sorted([*answered, *unreadable], key=lambda pair: pair[0])]


@contextmanager
def _writer(out: str, labels: list[str]) -> Iterator[Any]:
    """A function that writes answers; the file appears under its name only when all is written."""
    if out == STDOUT:
        yield _json_writer(sys.stdout)
        return
    target = Path(out)
    if target.suffix.lower() not in (".csv", ".jsonl", ".ndjson"):
        raise ConfigError(f"--out {out}: answers are written as .csv or .jsonl", hint="Give the file one of these endings.")
    with explained(target):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent or Path())
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                yield _csv_writer(file, labels) if target.suffix.lower() == ".csv" else _json_writer(file)
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _json_writer(file: IO[str]) -> Any:
    def write(answers: list[Answer]) -> None:
        file.writelines(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)

    return write


def _csv_writer(file: IO[str], labels: list[str]) -> Any:
    writer = csv.writer(file)
    header: list[str] = []

    def write(answers: list[Answer]) -> None:
        if not header and answers:
            header.extend(_columns(answers, labels))
            writer.writerow(header)
        writer.writerows([_cell(answer, name) for name in header] for answer in answers)

    return write


def _columns(answers: list[Answer], labels: list[str]) -> list[str]:
    first = next((answer for answer in answers if "error" not in answer), answers[0])
    plain = [name for name in first if name != "probabilities"]
    return [*plain, *(f"probability of {label}" for label in labels)]


def _cell(answer: Answer, name: str) -> Any:
    if name.startswith("probability of "):
        return answer.get("probabilities", {}).get(name.removeprefix("probability of "))
    value = answer.get(name)
    return ";".join(value) if isinstance(value, list) else value
