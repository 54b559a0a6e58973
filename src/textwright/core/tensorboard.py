"""TensorBoard as one more sink: a folder a fit, with its loss, rate, throughput and every validation score.

The records are written by TensorBoard's own writer into a plain file. Its EventFileWriter is passed over: it
opens files through TensorFlow where that is installed, and starts a thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from textwright.core.errors import MissingExtra
from textwright.core.events import Event, Sink, silent
from textwright.core.files import explained
from textwright.core.records import Note, StepEvent

_VERSION = "brain.Event:2"


@contextmanager
def tracking(folder: str | Path | None, name: str, say: Sink = silent) -> Iterator[Sink]:
    """A sink that writes the training of this name into `folder/name`; without a folder, one that drops all.

    `say` hears when writing fails, which ends the tracking and nothing else. Raises MissingExtra when
    TensorBoard is not installed, TextwrightError when the folder cannot be made.
    """
    if folder is None:
        yield silent
        return
    with closing(TensorBoard(Path(folder) / name, say)) as board:
        yield board


class TensorBoard:
    """A sink that starts a run, `folder/NAME`, at each note that says that a fit begins.

    A run that is there already, of another training or of this one before it was killed, gets one more file:
    from its first step on TensorBoard shows it alone, so that no step is there twice. Look at them with
    `tensorboard --logdir FOLDER`.
    """

    def __init__(self, folder: Path, say: Sink = silent) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event as Record
            from tensorboard.compat.proto.event_pb2 import SessionLog
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError:
            raise MissingExtra("writing for TensorBoard", extra="tracking") from None
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._say = folder, say
        self._make_record, self._make_writer = Record, RecordWriter
        self._beginning = SessionLog(status=SessionLog.START)
        self._file: IO[bytes] | None = None
        self._writer: Any = None
        self._is_new = True
        self._is_over = False

    def __call__(self, event: Event) -> None:
        if self._is_over:
            return
        try:
            if isinstance(event, StepEvent):
                self._step(event)
            elif event.fit is not None:
                self._start(event.fit)
        except OSError as error:
            self._is_over = True
            why = error.strerror or error
            self._say(Note(f"{self._folder}: nothing more is written for TensorBoard: {why}", "warning"))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _start(self, run: str) -> None:
        self.close()
        self._file = _new_file(self._folder / run)
        self._writer = self._make_writer(self._file)
        self._write(file_version=_VERSION)
        self._is_new = True

    def _step(self, event: StepEvent) -> None:
        if self._file is None:
            self._start("fit")
        if self._is_new:
            self._write(step=event.step, session_log=self._beginning)
            self._is_new = False
        self._write(_scalars(event), step=event.step)

    def _write(self, scalars: dict[str, float] | None = None, **of_record: Any) -> None:
        """One record, on the disk at once: an open page follows, and a killed run leaves its story."""
        record = self._make_record(wall_time=time.time(), **of_record)
        for tag, value in (scalars or {}).items():
            record.summary.value.add(tag=tag, simple_value=value)
        self._writer.write(record.SerializeToString())


def _scalars(event: StepEvent) -> dict[str, float]:
    found = {"loss": event.loss, "rate": event.rate, "tokens_per_second": event.tokens_per_second}
    judged = {name.removeprefix("validation "): value for name, value in (event.scores or {}).items()}
    return {
        **{f"train/{name}": value for name, value in found.items()},
        **{f"validation/{name}": value for name, value in judged.items()},
    }


def _new_file(folder: Path) -> IO[bytes]:
    """A name that TensorBoard knows and nobody uses; files of a run are read in the order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while (
        path := folder / f"events.out.tfevents.{int(time.time()):010d}.{os.getpid()}.{number:03d}"
    ).exists():
        number += 1
    return path.open("xb", buffering=0)
