"""Answer every row of a file: same order, same count, streaming, the output file whole or not there."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from textwright.core.errors import ConfigError, DataError
from textwright.core.files import explained, writing_atomic
from textwright.core.names import did_you_mean
from textwright.tasks.explaining import method_for, unexplained
from textwright.tasks.predictor import Predictor
from textwright.text.columns import find_text_column, profile
from textwright.text.rowlog import RowLog
from textwright.text.schema import TaskName
from textwright.text.sources import Source, open_source
from textwright.text.sources.base import Cell

Answer = dict[str, Any]
STDOUT, ALL = "-", "all"
# Answers that .csv holds as JSON.
_LISTED = ("tokens", "spans")
_ENDINGS = (".csv", ".jsonl", ".ndjson")
_NOTHING: dict[TaskName, Answer] = {
    "classify": {"label": None, "probability": None},
    "multilabel": {"labels": []},
    "score": {"score": None},
}


@dataclass
class Answered:
    """How many rows were answered, how many could not be read, and the first of these with the reason.

    `num_rejected` of the rows that could be read have no label, as the model does not know; None for a model
    that always answers.
    """

    n: int = 0
    num_unreadable: int = 0
    first_unreadable: str = ""
    num_rejected: int | None = None


@dataclass(frozen=True)
class Asked:
    """How texts are answered, what stands for the answer to a row that could not be read, what is kept.

    `preferred` is the column of the text where none is asked for, `labels` those with a column of their own
    for their probability in .csv.
    """

    answers: Callable[[list[str]], list[Answer]]
    nothing: Answer
    keep: tuple[str, ...]
    preferred: str = ""
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, predictor: Predictor, probabilities: bool, explain: str | None, keep: Sequence[str]) -> Asked:
        """What a predictor is asked. Raises ConfigError for a method of explaining that does not suit it."""
        schema, nothing = predictor.schema, _nothing(predictor)
        labels = tuple(schema.labels) if probabilities else ()
        if explain is None:
            answers = partial(predictor.predict, probabilities=probabilities)
            return cls(answers, nothing, tuple(keep), schema.text, labels)
        method_for(explain, predictor.engine)  # refused before anything is read
        answers = partial(predictor.explain, method=explain, probabilities=probabilities)
        return cls(answers, {**nothing, **unexplained(schema.task)}, tuple(keep), schema.text, labels)

    def kept(self, columns: Mapping[str, list[Cell]], text: str, path: str) -> dict[str, list[Cell]]:
        """The columns to keep, by the names that they have among the answers. Raises DataError."""
        wanted = [name for name in columns if name != text] if self.keep == (ALL,) else self.keep
        for name in wanted:
            if name not in columns:
                raise DataError(
                    f"there is no column {name!r}; found {', '.join(map(repr, columns))}",
                    path=path,
                    hint=did_you_mean(name, columns),
                )
        taken = {"text", "probabilities", "error", *self.nothing}
        return {f"given {name}" if name in taken else name: columns[name] for name in wanted}


def _nothing(predictor: Predictor) -> Answer:
    """What stands for the answer to a row that could not be read."""
    guess = {} if predictor.decode.least is None else {"guess": None}
    return {**_NOTHING[predictor.schema.task], **guess}


def answer_file(
    predictor: Predictor,
    data: str | Path,
    out: str,
    *,
    text: str | None = None,
    probabilities: bool = False,
    explain: str | None = None,
    keep: Sequence[str] = (),
) -> Answered:
    """Write one answer a row of `data` to `out` (.csv or .jsonl, "-" is JSON lines on standard output).

    Rows that cannot be read get an answer without a label and the reason, so that the count stays the same;
    those that the model does not answer have no label and its guess.
    `explain` is a method of `Predictor.explain`, whose tokens are added (in .csv as JSON); `text` is then the
    text after cleaning, which their places are in. `keep` names columns of `data` that stand before each
    answer ("all": all but the text); one with the name of an answer, such as `label`, becomes `given label`.
    Raises ConfigError for another ending or method, DataError for data that cannot be used.
    """
    done = Answered(num_rejected=None if predictor.decode.least is None else 0)
    refuse_ending(out)
    asked = Asked.of(predictor, probabilities, explain, keep)
    write_answers(open_source(data), out, asked, done, text=text)
    return done


def write_answers(source: Source, out: str, asked: Asked, done: Answered, *, text: str | None = None) -> None:
    """Write one answer a row of `source` to `out`, counting in `done`; see `answer_file`."""
    with writing(out, asked.labels) as write:
        for answers in _answers(source, text, asked, done):
            write(answers)


def _answers(source: Source, text: str | None, asked: Asked, done: Answered) -> Iterator[list[Answer]]:
    log = RowLog()
    column: str | None = None
    # An empty line of plain text is a text; in a table or in JSON lines it is nothing.
    ignored = () if source.kind == "txt" else ("empty row",)
    for batch in source.batches(log):
        if column is None:
            columns = profile([batch])
            column = find_text_column(columns, path=str(source.path), asked=text, preferred=asked.preferred)
        kept = asked.kept(batch.columns, column, str(source.path))
        answers = _of_batch(batch.columns[column], asked, kept)
        yield _counted([*zip(batch.rows, answers, strict=True)], _lost(log, asked.nothing, ignored), done)
    yield _counted([], _lost(log, asked.nothing, ignored), done)


def _of_batch(cells: list[Cell], asked: Asked, kept: Mapping[str, list[Cell]]) -> list[Answer]:
    texts = [" ".join(cell) if isinstance(cell, list) else cell or "" for cell in cells]
    before = [dict(zip(kept, row, strict=True)) for row in zip(*kept.values(), strict=True)]
    return [
        {**row, "text": text, **answer}
        for row, text, answer in zip(before or [{}] * len(texts), texts, asked.answers(texts), strict=True)
    ]


def _lost(log: RowLog, nothing: Answer, ignored: tuple[str, ...]) -> list[tuple[int, Answer]]:
    """An answer that says nothing for each row of the file that could not be read, with its number."""
    return [
        (record["row"], {"text": record["found"].strip(), **nothing, "error": record["reason"]})
        for record in log.drain()
        if record["action"] == "dropped" and record["reason"] not in ignored
    ]


def _counted(
    answered: list[tuple[int, Answer]], lost: list[tuple[int, Answer]], done: Answered
) -> list[Answer]:
    """All answers in the order of their rows."""
    done.n += len(answered) + len(lost)
    done.num_unreadable += len(lost)
    if done.num_rejected is not None:
        done.num_rejected += sum(answer["label"] is None for _, answer in answered)
    if lost and not done.first_unreadable:
        row, answer = lost[0]
        done.first_unreadable = f"row {row:,}: {answer['error']}"
    return [answer for _, answer in sorted([*answered, *lost], key=itemgetter(0))]


def refuse_ending(out: str) -> None:
    """Raise ConfigError for a file that answers cannot be written to."""
    if out != STDOUT and Path(out).suffix.lower() not in _ENDINGS:
        message = f"--out {out}: answers are written as .csv or .jsonl"
        raise ConfigError(message, hint="Give the file one of these endings.")
    if Path(out).is_dir():
        raise ConfigError(f"--out {out}: is a folder, expected a file", hint="Give the name of a file in it.")


@contextmanager
def writing(out: str, labels: Sequence[str]) -> Iterator[Any]:
    """A function that writes answers; the file appears under its name only when all is written."""
    if out == STDOUT:
        with explained(Path("standard output")):
            yield _json_writer(sys.stdout)
            sys.stdout.flush()
        return
    target = Path(out)
    with writing_atomic(target) as file:
        yield _csv_writer(file, labels) if target.suffix.lower() == ".csv" else _json_writer(file)


def _json_writer(file: IO[str]) -> Any:
    def write(answers: list[Answer]) -> None:
        file.writelines(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)

    return write


def _csv_writer(file: IO[str], labels: Sequence[str]) -> Any:
    writer = csv.writer(file)
    header: list[str] = []

    def write(answers: list[Answer]) -> None:
        if not header and answers:
            header.extend(_columns(answers, labels))
            writer.writerow(header)
        writer.writerows([_cell(answer, name) for name in header] for answer in answers)

    return write


def _columns(answers: list[Answer], labels: Sequence[str]) -> list[str]:
    first = next((answer for answer in answers if "error" not in answer), answers[0])
    plain = [name for name in first if name != "probabilities"]
    return [*plain, *(f"probability of {label}" for label in labels)]


def _cell(answer: Answer, name: str) -> Any:
    if name.startswith("probability of "):
        return answer.get("probabilities", {}).get(name.removeprefix("probability of "))
    value = answer.get(name)
    if name in _LISTED:
        return json.dumps(value, ensure_ascii=False)
    return ";".join(value) if isinstance(value, list) else value
